import { z } from 'zod'
import { at, commitment, count, envelope, facet, hash, id, word } from './entry-fields.ts'

/**
 * Entries about what people did: every act that changes who is covered, what is owed, or who may say so. They end
 * no revocation and open no case; a certificate shows those of its case beside the proofs.
 *
 * Texts and states for people (a reason, how an app is configured now) are commitments under a random key of the act,
 * which is kept with the audit row: `commit(actKey, idOfBody(body), 'reason', bytes)`. Erasing that row erases them.
 */
const act = {
  ...envelope,
  /** Id of the audit row. One act is one entry, however often it is tried. */
  act: id,
  /** Who: id of a principal (a token, a person of the hub, `hub` for the hub itself). Never a name. */
  by: id,
  /** Where four eyes were needed: the `approval` of `approval.proposed` and `approval.decided`. */
  approval: id.optional(),
  /** Why, in words for people. */
  reason: commitment.optional(),
}
/** The thing as it is afterwards: JCS of its representation in the API, which shows no secret. */
const after = commitment
const names = z.array(word).max(64)
const appClass = z.int().min(0).max(3)
const connector = z.string().regex(/^[a-z0-9-]{1,64}(@[A-Za-z0-9.+-]{1,32})?$/)
const unit = { app: id, facet, offboarding: id, revocation: id }

const appRegistered = z.strictObject({
  ...act,
  type: z.literal('app.registered'),
  after,
  app: id,
  class: appClass,
  connector,
})

const appChanged = z.strictObject({
  ...act,
  type: z.literal('app.changed'),
  after,
  app: id,
  /** Present when it changed. A higher number is a laxer class: four eyes. */
  class: z.strictObject({ from: appClass, to: appClass }).optional(),
  /** Names of the fields that changed, e.g. `scope`, `owners`. */
  fields: names,
})

const appPaused = z.strictObject({ ...act, type: z.literal('app.paused'), app: id })
const appResumed = z.strictObject({ ...act, type: z.literal('app.resumed'), app: id })

const appRemoved = z.strictObject({
  ...act,
  type: z.literal('app.removed'),
  app: id,
  /** Revocations that were still owed; they stay owed. */
  open: count,
})

/** Who had an account in an app at one time, as the app listed them; the last one when the app is removed. */
const inventorySnapshot = z.strictObject({
  ...act,
  type: z.literal('inventory.snapshot'),
  app: id,
  /** Did the app list everybody? */
  complete: z.boolean(),
  connector,
  /** Accounts that were not dead. */
  count,
  /** RFC 9162 root over them, in the order of their leaves; each is a commitment under a key in the audit row. */
  root: hash,
  taken: at,
})

const appSecretsChanged = z.strictObject({
  ...act,
  type: z.literal('app.secrets_changed'),
  app: id,
  /** Names of the secrets that were set or removed. */
  secrets: names,
})

const sourceCreated = z.strictObject({
  ...act,
  type: z.literal('source.created'),
  after,
  source: id,
})

const sourceChanged = z.strictObject({
  ...act,
  type: z.literal('source.changed'),
  after,
  fields: names,
  source: id,
})

const sourceRemoved = z.strictObject({ ...act, type: z.literal('source.removed'), source: id })

/** Something by which a source may identify itself: a token, a client secret, an issuer. */
const sourceKeyIssued = z.strictObject({
  ...act,
  type: z.literal('source.key_issued'),
  expires: at.optional(),
  key: id,
  kind: word,
  source: id,
})

const sourceKeyRevoked = z.strictObject({
  ...act,
  type: z.literal('source.key_revoked'),
  key: id,
  kind: word,
  source: id,
})

/** An API token of a person or a program. */
const tokenIssued = z.strictObject({
  ...act,
  type: z.literal('token.issued'),
  expires: at.optional(),
  role: word,
  token: id,
})

const tokenRevoked = z.strictObject({ ...act, type: z.literal('token.revoked'), token: id })

const roleChanged = z.strictObject({
  ...act,
  type: z.literal('role.changed'),
  from: names,
  principal: id,
  to: names,
})

const approvalProposed = z.strictObject({
  ...act,
  type: z.literal('approval.proposed'),
  /** What it is about: an app, a revocation, a case, a source, or a subject's opaque id. */
  about: id,
  approval: id,
  expires: at,
  /** The act that waits, e.g. `waive`, `erase`. */
  kind: word,
  /** JCS of all that is to be done: what is decided on cannot be another thing than what was proposed. */
  payload: commitment,
})

const approvalDecided = z.strictObject({
  ...act,
  type: z.literal('approval.decided'),
  approval: id,
  decision: z.enum(['approved', 'refused', 'withdrawn', 'expired']),
})

/** A waiver ran out or was taken back: the revocation is owed again, in a case of its own. */
const waiverEnded = z.strictObject({
  ...act,
  ...unit,
  type: z.literal('waiver.ended'),
  because: z.enum(['expired', 'withdrawn']),
})

/** This person is not revoked in this app (all apps when none is named) until then. */
const exemptionGranted = z.strictObject({
  ...act,
  type: z.literal('exemption.granted'),
  app: id.optional(),
  exemption: id,
  expires: at,
  facet: facet.optional(),
  source: id,
  subject: commitment,
})

const exemptionEnded = z.strictObject({
  ...act,
  type: z.literal('exemption.ended'),
  because: z.enum(['expired', 'withdrawn']),
  exemption: id,
})

/** Data of this person are kept for a court: access ends all the same, nothing is deleted. */
const holdPlaced = z.strictObject({
  ...act,
  type: z.literal('hold.placed'),
  expires: at.optional(),
  hold: id,
  source: id,
  subject: commitment,
})

const holdReleased = z.strictObject({ ...act, type: z.literal('hold.released'), hold: id })

/** More departures than a source usually has: what cannot be undone waits. */
const stormHeld = z.strictObject({
  ...act,
  type: z.literal('storm.held'),
  departures: count,
  source: id,
  storm: id,
})

const stormResumed = z.strictObject({
  ...act,
  type: z.literal('storm.resumed'),
  /** Revocations that went on. */
  resumed: count,
  source: id,
  storm: id,
})

/** A person's word with an artifact: grade C, which proves nothing and ends nothing. */
const revocationAttested = z.strictObject({
  ...act,
  ...unit,
  type: z.literal('revocation.attested'),
  artifact: commitment,
})

const revocationRetried = z.strictObject({
  ...act,
  ...unit,
  type: z.literal('revocation.retried'),
})

const revocationAssigned = z.strictObject({
  ...act,
  ...unit,
  type: z.literal('revocation.assigned'),
  to: commitment,
})

/** Which account of an app is whose, as a person decided. */
const linkBound = z.strictObject({
  ...act,
  type: z.literal('link.bound'),
  account: commitment,
  app: id,
  source: id,
  subject: commitment,
})

const linkUnbound = z.strictObject({
  ...act,
  type: z.literal('link.unbound'),
  account: commitment,
  app: id,
  source: id,
  subject: commitment,
})

/** Something left the hub: a certificate, an evidence file, the audit trail. */
const auditExported = z.strictObject({
  ...act,
  type: z.literal('audit.exported'),
  about: id.optional(),
  kind: word,
})

/** Any other act of an admin. */
const adminActed = z.strictObject({
  ...act,
  type: z.literal('admin.acted'),
  about: id.optional(),
  after: after.optional(),
  kind: word,
})

export const ACT_ENTRIES = [
  appRegistered,
  appChanged,
  appPaused,
  appResumed,
  appRemoved,
  inventorySnapshot,
  appSecretsChanged,
  sourceCreated,
  sourceChanged,
  sourceRemoved,
  sourceKeyIssued,
  sourceKeyRevoked,
  tokenIssued,
  tokenRevoked,
  roleChanged,
  approvalProposed,
  approvalDecided,
  waiverEnded,
  exemptionGranted,
  exemptionEnded,
  holdPlaced,
  holdReleased,
  stormHeld,
  stormResumed,
  revocationAttested,
  revocationRetried,
  revocationAssigned,
  linkBound,
  linkUnbound,
  auditExported,
  adminActed,
] as const
