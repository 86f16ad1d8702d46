import { announcements } from '../../../src/ledger/announcements.ts'
import { buildCertificate, type CertificateMaterial } from '../../../src/ledger/certificate.ts'
import { certificatePolicy } from '../../../src/ledger/certificate-policy.ts'
import { formatCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { localKey } from '../../../src/ledger/checkpoint-key.ts'
import { closing } from '../../../src/ledger/closing.ts'
import { commit } from '../../../src/ledger/commitment.ts'
import { cosign } from '../../../src/ledger/cosignature.ts'
import type { EntryBody, OutcomeItem } from '../../../src/ledger/entries.ts'
import { entryId } from '../../../src/ledger/entry-id.ts'
import { expectedSet } from '../../../src/ledger/expected-set.ts'
import type { EntryWriter, PendingEntry } from '../../../src/ledger/intake.ts'
import { manifestKey, workerKey } from '../../../src/ledger/keys.ts'
import { createEntryWriter } from '../../../src/ledger/leaf.ts'
import {
  COSIGNATURE,
  createNoteSigner,
  ED25519,
  formatNote,
  formatVkey,
  signText,
} from '../../../src/ledger/note.ts'
import type { StoredEntry } from '../../../src/ledger/store.ts'
import { tileFromEdge } from '../../../src/ledger/tiles.ts'
import { append, EMPTY_EDGE, edgeRoot, leafHash } from '../../../src/ledger/tree.ts'

export const ORIGIN = 'ledger.example.com/unit'
export const CASE = 'o1'
const now = Date.UTC(2026, 10, 22, 2)
const at = '2026-11-22T02:00:00.000Z'
const masterKey = Buffer.alloc(32, 3)
export const caseKey = Buffer.alloc(32, 4)
export const keys = {
  log: createNoteSigner(ORIGIN, ED25519, Buffer.alloc(32, 1)),
  cosigner: createNoteSigner(`${ORIGIN}/cosigner`, COSIGNATURE, Buffer.alloc(32, 2)),
}
export const logVkey = formatVkey(keys.log.verifier)
const worker = workerKey(masterKey)
export const writer = createEntryWriter({
  origin: ORIGIN,
  kid: worker.kid,
  privateKey: worker.privateKey,
})
export const subject = Buffer.from('{"userName":"alice@example.com"}')
export const evidence = Buffer.from('{"active":false}')

export const EXPECTED = [1, 2, 3].map((n) => ({
  app: 'crm',
  facet: `facet_${'abc'[n - 1]}`,
  revocation: `r${n}`,
}))

type Body<T extends EntryBody['type']> = Extract<EntryBody, { type: T }>
const common = { v: 1, log: ORIGIN, at } as const

export function openedBody(
  more: Partial<Body<'offboarding.opened'>> = {},
): Body<'offboarding.opened'> {
  return {
    ...common,
    type: 'offboarding.opened',
    cause: { kind: 'scim.patch', received: at, request_id: 'q1' },
    expected: expectedSet(EXPECTED),
    for_cause: false,
    generation: 1,
    kind: 'leaver',
    offboarding: CASE,
    source: 'okta',
    subject: commit(caseKey, entryId('offboarding.opened', CASE), 'subject', subject),
    ...more,
  }
}

export function verifiedBody(
  n: number,
  more: Partial<Body<'revocation.verified'>> = {},
): Body<'revocation.verified'> {
  const eid = entryId('revocation.verified', `r${n}`)
  return {
    ...common,
    type: 'revocation.verified',
    account: commit(caseKey, eid, 'account', Buffer.from(`acc-${n}`)),
    after: {
      at,
      c: commit(caseKey, eid, 'after.c', evidence),
      method: 'GET',
      state: 'dead',
      status: 200,
      witness: true,
    },
    app: 'crm',
    attempts: { count: 1, first: at, last: at },
    connector: 'scim2@1.0.0',
    facet: EXPECTED[n - 1]!.facet,
    generation: 1,
    grade: 'B',
    kind: 'dead',
    offboarding: CASE,
    revocation: `r${n}`,
    ...more,
  }
}

const unit = (n: number) => ({
  app: 'crm',
  facet: EXPECTED[n - 1]!.facet,
  generation: 1,
  offboarding: CASE,
  revocation: `r${n}`,
})

export function driftBody(n: number, more: Partial<Body<'drift.detected'>> = {}): EntryBody {
  return { ...common, ...unit(n), type: 'drift.detected', reopened: 'o2', ...more }
}

export function unverifiableBody(n: number): EntryBody {
  const eid = entryId('revocation.unverifiable', `r${n}`)
  return {
    ...common,
    ...unit(n),
    type: 'revocation.unverifiable',
    account: commit(caseKey, eid, 'account', Buffer.from(`acc-${n}`)),
    attempts: { count: 1, first: at, last: at },
    connector: 'scim2@1.0.0',
    grade: 'C',
    request: { at, c: commit(caseKey, eid, 'request.c', evidence), method: 'PATCH', status: 204 },
  }
}

export function closedBody(
  endings: readonly PendingEntry[],
  more: Partial<Body<'offboarding.closed'>> = {},
): Body<'offboarding.closed'> {
  const items = endings.map((entry): OutcomeItem => {
    const { body } = JSON.parse(entry.leaf.toString()) as { body: Body<'revocation.verified'> }
    const { app, facet, revocation } = body
    const hashed = leafHash(entry.leaf).toString('hex')
    return { app, facet, revocation, entry: hashed, outcome: 'proven' }
  })
  return { ...common, type: 'offboarding.closed', offboarding: CASE, ...closing(items), ...more }
}

export interface CaseOptions {
  /** Bodies of the case, in log order; by default an opened, three times proved, closed case. */
  bodies?: EntryBody[]
  /** Who signs the bodies; by default the announced worker. */
  by?: EntryWriter
  /** Entries of others around it. */
  noise?: number
  change?: (material: CertificateMaterial) => CertificateMaterial
}

export const wholeCase = (): EntryBody[] => {
  const proofs = [1, 2, 3].map((n) => verifiedBody(n))
  return [openedBody(), ...proofs, closedBody(proofs.map((body) => writer.write(body)))]
}

/** A certificate out of a log that lives in memory. */
export async function certificateOf(options: CaseOptions = {}): Promise<Buffer> {
  const { bodies = wholeCase(), by = writer, noise = 300, change = (m) => m } = options
  const own = await announcements({
    origin: ORIGIN,
    keys: { log: localKey(keys.log), cosigner: localKey(keys.cosigner), former: [] },
    others: [worker, manifestKey(masterKey)],
    software: 'quittance@0.0.0-test',
    size: 0,
    now,
  })
  const others = Array.from({ length: noise }, (_, i) =>
    writer.write(verifiedBody(1, { offboarding: 'other', revocation: `x${i}` })),
  )
  const ofCase = bodies.map((body) => by.write(body))
  const log = [...own, ...others, ...ofCase]
  const { edge, tiles } = append(
    EMPTY_EDGE,
    log.map((entry) => leafHash(entry.leaf)),
  )
  const root = edgeRoot(edge)
  const text = formatCheckpoint({ origin: ORIGIN, size: edge.size, root })
  const note = formatNote({
    text,
    signatures: [signText(text, keys.log), cosign(text, keys.cosigner, Math.floor(now / 1000))],
  })
  const stored = (entry: PendingEntry): StoredEntry => ({
    index: log.indexOf(entry),
    eid: entry.eid,
    leaf: entry.leaf,
    leafHash: leafHash(entry.leaf).toString('hex'),
  })
  const material: CertificateMaterial = {
    offboardingId: CASE,
    origin: ORIGIN,
    checkpoint: { size: edge.size, root, note, at: now },
    entries: [...own.filter((entry) => entry.type === 'log.key'), ...ofCase].map(stored),
    expected: EXPECTED,
    caseKey,
    secrets: [subject, evidence, ...[1, 2, 3].map((n) => Buffer.from(`acc-${n}`))],
    names: { subject: 'alice@example.com', apps: new Map([['crm', '<CRM> & more']]) },
    readTile: async (id) => {
      const full = tiles.find((tile) => tile.level === id.level && tile.index === id.index)
      return full?.bytes ?? tileFromEdge(edge, id) ?? Buffer.alloc(0)
    },
  }
  return await buildCertificate({
    material: change(material),
    manifestKey: manifestKey(masterKey),
    policy: certificatePolicy({ log: [logVkey], cosigner: [formatVkey(keys.cosigner.verifier)] }),
    createdAt: now,
  })
}
