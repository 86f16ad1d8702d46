import { z } from 'zod'

import { ACT_ENTRIES } from './act-entries.ts'
import { at, commitment, count, envelope, facet, hash, id, word } from './entry-fields.ts'

/** The closed schemas of ledger entries: the log itself, cases, revocations; act-entries.ts has what people did. */

const cause = z.strictObject({ kind: word, received: at, request_id: id })

/** One unit of the expected set, in the order of `revocation` ids. */
const expectedItem = z.strictObject({ app: id, facet, revocation: id })

const observation = z.strictObject({
  at,
  /** Commitment to the stored evidence bytes. */
  c: commitment,
  method: z.string().regex(/^[A-Za-z][A-Za-z -]{0,31}$/),
  state: z.enum(['live', 'dead', 'absent', 'unknown']),
  status: z.int().min(0).max(999).optional(),
  /** Was it read with a credential other than the one that revoked? */
  witness: z.boolean(),
})

const offboardingOpened = z.strictObject({
  ...envelope,
  type: z.literal('offboarding.opened'),
  cause,
  expected: z.strictObject({ count, root: hash }),
  for_cause: z.boolean(),
  generation: count,
  kind: z.enum(['leaver', 'mover']),
  offboarding: id,
  source: id,
  subject: commitment,
})

/**
 * The set grew: one app was added to an open case, whole. Nothing is ever taken out of a set: without the items of the
 * apps that were added, it is the one that `offboarding.opened` commits to.
 */
const offboardingAmended = z.strictObject({
  ...envelope,
  type: z.literal('offboarding.amended'),
  /** How many revocations were added. All of them are of `app`, which had none in this case. */
  added: z.int().min(1),
  app: id,
  /** The whole set from now on. */
  expected: z.strictObject({ count, root: hash }),
  offboarding: id,
  /** Root of the set before: of the last amendment, else of the opening. */
  previous: hash,
  /** Why, in words for people. */
  reason: commitment,
})

const attempts = z.strictObject({ count, first: at, last: at })
const connector = z.string().regex(/^[a-z0-9-]{1,64}@[A-Za-z0-9.+-]{1,32}$/)
const request = z.strictObject({
  at,
  c: commitment,
  method: observation.shape.method,
  status: z.int().optional(),
})

const revocationVerified = z.strictObject({
  ...envelope,
  type: z.literal('revocation.verified'),
  account: commitment,
  after: observation,
  app: id,
  attempts,
  before: observation.optional(),
  connector,
  facet,
  generation: count,
  grade: z.enum(['A', 'B']),
  kind: z.enum(['dead', 'absent']),
  /** Present when a person said which account it is; absent when the hub found it. */
  named_by: z.literal('person').optional(),
  offboarding: id,
  /** Present when the hub wrote something; absent when it was dead already. */
  request: request.optional(),
  residual_until: at.optional(),
  revocation: id,
})

/**
 * The application acknowledged and offers no way to read back: no proof is possible. It ends nothing. The revocation
 * stays owed until two persons waive it, or until there is a way to look.
 */
const revocationUnverifiable = z.strictObject({
  ...envelope,
  type: z.literal('revocation.unverifiable'),
  account: commitment,
  app: id,
  attempts,
  connector,
  facet,
  generation: count,
  grade: z.literal('C'),
  offboarding: id,
  request,
  revocation: id,
})

/** What was proven gone was seen alive later. It takes nothing back: the proof was true when it was sealed. */
const driftDetected = z.strictObject({
  ...envelope,
  type: z.literal('drift.detected'),
  app: id,
  facet,
  generation: count,
  offboarding: id,
  /** The case that revokes it once more. */
  reopened: id,
  revocation: id,
})

const revocationSuperseded = z.strictObject({
  ...envelope,
  type: z.literal('revocation.superseded'),
  app: id,
  by_generation: count,
  facet,
  generation: count,
  offboarding: id,
  /** `returned`: the person came back first. `renewed`: a newer revocation of the same access took over. */
  reason: z.enum(['returned', 'renewed']),
  revocation: id,
})

/** A risk accepted by two persons, for a time. The reason itself is text for people: a commitment here. */
const revocationWaived = z.strictObject({
  ...envelope,
  type: z.literal('revocation.waived'),
  app: id,
  /** The `approval` of the `approval.proposed` and `approval.decided` entries. */
  approval: id.optional(),
  approved_by: z.array(commitment).min(2).max(8),
  expires: at,
  facet,
  generation: count,
  offboarding: id,
  reason: commitment,
  revocation: id,
})

/** How one expected item ended. */
const outcomeItem = expectedItem.extend({
  /** Leaf hash of the entry that holds the outcome. */
  entry: hash,
  outcome: z.enum(['proven', 'waived', 'superseded']),
})

/** Above this many items a closing entry names their root only: it must fit into 64 KiB. */
export const MAX_CLOSED_ITEMS = 200

/** Carries exactly one of `items` and `outcomes`; see `closing` in closing.ts, which chooses. */
const offboardingClosed = z
  .strictObject({
    ...envelope,
    type: z.literal('offboarding.closed'),
    items: z.array(outcomeItem).max(MAX_CLOSED_ITEMS).optional(),
    offboarding: id,
    outcome: z.enum(['complete', 'superseded', 'mixed']),
    outcomes: z.strictObject({ count, root: hash }).optional(),
  })
  .refine((body) => (body.items === undefined) !== (body.outcomes === undefined), {
    path: ['items'],
  })

/** The case key is gone: the commitments of this case open no more, its proofs stay valid. */
const offboardingKeysErased = z.strictObject({
  ...envelope,
  type: z.literal('offboarding.keys_erased'),
  /** The `approval` of the `approval.proposed` and `approval.decided` entries. */
  approval: id.optional(),
  offboarding: id,
})

/** First entry of a log, and every later key of a signer: which public key may sign what, from which size. */
const logKey = z.strictObject({
  ...envelope,
  type: z.literal('log.key'),
  from_size: count,
  kid: id,
  /** Raw Ed25519 public key, base64url. */
  public_key: commitment,
  role: z.enum(['log', 'worker', 'cosigner', 'manifest']),
})

const logGenesis = z.strictObject({
  ...envelope,
  type: z.literal('log.genesis'),
  software: z.string().regex(/^quittance@[A-Za-z0-9.+-]{1,32}$/),
})

export const entryBody = z.discriminatedUnion('type', [
  offboardingOpened,
  offboardingAmended,
  revocationVerified,
  revocationSuperseded,
  revocationWaived,
  revocationUnverifiable,
  driftDetected,
  offboardingClosed,
  offboardingKeysErased,
  logKey,
  logGenesis,
  ...ACT_ENTRIES,
])
export type EntryBody = z.infer<typeof entryBody>
export type EntryType = EntryBody['type']

/** An entry that says what somebody did; see act-entries.ts. */
export type ActBody = Extract<EntryBody, { act: string }>

/** The entries that end a revocation; no other entry does. */
export const ENDINGS = [
  'revocation.verified',
  'revocation.waived',
  'revocation.superseded',
] as const satisfies readonly EntryType[]
export type EndingType = (typeof ENDINGS)[number]

export type ExpectedItem = z.infer<typeof expectedItem>
export type OutcomeItem = z.infer<typeof outcomeItem>
