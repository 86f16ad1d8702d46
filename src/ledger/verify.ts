import type { X509Certificate } from 'node:crypto'
import { readBundle } from './bundle-reader.ts'
import { disclosuresSchema, expectedSchema } from './certificate-format.ts'
import { type Checkpoint, openCheckpoint } from './checkpoint.ts'
import {
  type Completeness,
  type ItemStatus,
  judgeCompleteness,
  type ProvedEntry,
} from './completeness.ts'
import { type Cosignature, readCosignatures } from './cosignature.ts'
import { commitmentsOf } from './disclosures.ts'
import type { Keyring } from './keyring.ts'
import { kidOf } from './keys.ts'
import type { Note, Verifier } from './note.ts'
import { type Policy, parsePolicy } from './policy.ts'
import { verifyTimeStamp } from './timestamp.ts'
import { checkDisclosures, disclosedText } from './verify-disclosures.ts'
import { checkManifestSignature, checkSignatures, includedLeaves } from './verify-entries.ts'
import { type Files, fileJson, fileText, Refused, readManifest, type Step } from './verify-files.ts'

export interface Verified {
  kind: 'verified'
  offboarding: string
  /** `pinned`: under keys that the verifier brought along. `bundled`: under keys out of the certificate itself. */
  trust: 'pinned' | 'bundled'
  checkpoint: { origin: string; size: number; root: string; signedBy: string[] }
  /** Who saw this checkpoint, and when at the latest. */
  cosignatures: { by: string; at: number }[]
  /** Time stamps by authorities that the verifier believes: the checkpoint existed then. */
  timestamps: { by: string; at: number }[]
  /**
   * `complete`: closed, and everything was revoked or waived. `empty`: closed, but no app was in scope, so that
   * nothing is proved about anything.
   */
  completeness: 'complete' | 'superseded' | 'mixed' | 'open' | 'empty'
  items: readonly ItemStatus[]
  /** Apps that were added after the opening, in order. */
  amended: { app: string; added: number; at: string }[]
  /** The person, when that was disclosed. */
  subject: string | undefined
  disclosed: number
  /** Commitments that were not opened: left out, or erased. */
  undisclosed: number
  erased: boolean
  /** Sentences: what this verification does not show. */
  notProved: string[]
}

export type Verification = Verified | { kind: 'refused'; step: Step; reason: string; file?: string }

/**
 * Verifies a certificate. Needs no network, no clock and no trust in whoever made the file.
 *
 * @param policy whom the verifier believes; undefined takes the keys in the certificate, which shows only that
 *   it agrees with itself
 * @param authorities certificates of time-stamping authorities; without them, stamps are not looked at
 */
export async function verifyCertificate(
  archive: Buffer,
  policy: Policy | undefined,
  authorities: readonly X509Certificate[] = [],
): Promise<Verification> {
  try {
    return await verify(archive, policy, authorities)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    const { step, message, file } = error
    return { kind: 'refused', step, reason: message, ...(file === undefined ? {} : { file }) }
  }
}

async function verify(
  archive: Buffer,
  pinned: Policy | undefined,
  authorities: readonly X509Certificate[],
): Promise<Verified> {
  const bundle = await readBundle(archive)
  if (bundle.kind === 'refused') throw new Refused('container', bundle.reason)
  const { files } = bundle
  const manifest = readManifest(files)

  const policy = pinned ?? bundledPolicy(files)
  const { checkpoint, note, by } = signedCheckpoint(files, policy)
  if (checkpoint.size !== manifest.tree_size || checkpoint.origin !== manifest.origin) {
    throw new Refused('manifest', 'the manifest is about another checkpoint', 'manifest.json')
  }
  const cosignatures = checkQuorum(note, policy)
  const included = includedLeaves(files, checkpoint)
  const logKeys = policy.logs.filter(({ name }) => name === checkpoint.origin)
  const keyring = await checkSignatures(included, logKeys, checkpoint.origin)
  await checkManifestSignature(files, keyring)

  const ofCase = included.flatMap(({ index, leafHash, leaf }): ProvedEntry[] =>
    'offboarding' in leaf.body ? [{ index, leafHash, body: leaf.body }] : [],
  )
  const expected = fileJson(files, 'expected.json', 'completeness', expectedSchema)
  const judged = judgeCompleteness(manifest.offboarding, ofCase, expected)
  if (judged.kind === 'refused') throw new Refused('completeness', judged.reason)

  const disclosures = fileJson(files, 'disclosures.json', 'disclosures', disclosuresSchema)
  const bodies = ofCase.map((entry) => entry.body)
  checkDisclosures(disclosures, bodies)
  const commitments = bodies.flatMap(commitmentsOf).length

  return {
    kind: 'verified',
    offboarding: manifest.offboarding,
    trust: pinned === undefined ? 'bundled' : 'pinned',
    checkpoint: {
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: checkpoint.root.toString('hex'),
      signedBy: by.map((verifier) => `${verifier.name}+${verifier.keyId}`),
    },
    cosignatures: cosignatures.map(({ by: witness, seconds }) => ({
      by: `${witness.name}+${witness.keyId}`,
      at: seconds * 1_000,
    })),
    timestamps: checkStamps(files, note, authorities),
    completeness: summary(judged),
    items: judged.items,
    amended: judged.amendments.map(({ app, added, at }) => ({ app, added, at })),
    subject: disclosedText(disclosures, `offboarding.opened:${manifest.offboarding}`, 'subject'),
    disclosed: disclosures.length,
    undisclosed: commitments - disclosures.length,
    erased: bodies.some((body) => body.type === 'offboarding.keys_erased'),
    notProved: notProved(judged, pinned, independent(cosignatures, keyring).length),
  }
}

function bundledPolicy(files: Files): Policy {
  const read = parsePolicy(fileText(files, 'policy', 'checkpoint'))
  if (read.kind === 'refused') throw new Refused('checkpoint', read.reason, 'policy')
  return read.policy
}

function signedCheckpoint(
  files: Files,
  policy: Policy,
): { checkpoint: Checkpoint; note: Note; by: readonly Verifier[] } {
  const opened = openCheckpoint(fileText(files, 'checkpoint', 'checkpoint'), policy.logs)
  switch (opened.kind) {
    case 'verified':
      return opened
    case 'malformed':
      throw new Refused('checkpoint', 'it is not a signed checkpoint', 'checkpoint')
    case 'bad-signature':
      throw new Refused('checkpoint', `the signature of ${opened.by} is wrong`, 'checkpoint')
    case 'no-known-key':
      throw new Refused('checkpoint', 'no key that you trust has signed it', 'checkpoint')
  }
}

function checkQuorum(note: Note, policy: Policy): readonly Cosignature[] {
  const read = readCosignatures(note, policy.witnesses)
  if (read.kind === 'bad-signature') {
    throw new Refused('quorum', `the cosignature of ${read.by} is wrong`, 'checkpoint')
  }
  if (!policy.quorum(new Set(read.cosignatures.map((cosignature) => cosignature.by)))) {
    throw new Refused('quorum', 'too few of your witnesses have cosigned', 'checkpoint')
  }
  return read.cosignatures
}

/** @throws Refused for a stamp of something else, or by nobody that the verifier believes */
function checkStamps(
  files: Files,
  note: Note,
  authorities: readonly X509Certificate[],
): Verified['timestamps'] {
  if (authorities.length === 0) return []
  return [...files]
    .filter(([name]) => name.startsWith('anchors/'))
    .map(([name, token]) => {
      const stamp = verifyTimeStamp(token, Buffer.from(note.text), authorities)
      if (stamp.kind === 'refused') throw new Refused('timestamps', stamp.reason, name)
      return { by: stamp.by, at: stamp.at }
    })
}

function summary(judged: Exclude<Completeness, { kind: 'refused' }>): Verified['completeness'] {
  if (judged.kind === 'open') return 'open'
  // "Everything of nothing" is true, and the most misleading green there is.
  return judged.items.length === 0 ? 'empty' : judged.outcome
}

/** The hub's own second key is no witness of the hub. */
function independent(cosignatures: readonly Cosignature[], keyring: Keyring): Cosignature[] {
  return cosignatures.filter(({ by }) => !keyring.has(kidOf('cosigner', by.raw)))
}

/** A verifier that is silent about its limits is believed beyond them. */
function notProved(
  judged: Exclude<Completeness, { kind: 'refused' }>,
  pinned: Policy | undefined,
  witnesses: number,
): string[] {
  const { items, amendments } = judged
  const sentences = [
    'That an application told the truth: the log shows what it answered, and when.',
    `Access that the hub did not know of when the case was ${amendments.length === 0 ? 'opened' : 'last amended'}.`,
  ]
  if (judged.kind === 'open') {
    sentences.push('That no application was added since: only the closing entry names every item.')
  }
  if (pinned === undefined) {
    sentences.unshift(
      'Who made this: the keys came out of the certificate itself. Use --key or --policy.',
    )
  }
  if (witnesses === 0) {
    sentences.push('That everybody is shown the same log: none of your witnesses has cosigned.')
  }
  const residual = items.flatMap(({ ending }) =>
    ending?.body.type === 'revocation.verified' && ending.body.residual_until !== undefined
      ? [ending.body.residual_until]
      : [],
  )
  for (const { body } of items.flatMap(({ remarks }) => remarks)) {
    if (body.type !== 'drift.detected') continue
    sentences.push(
      `That ${body.facet} of ${body.app} stayed gone: it was live again at ${body.at}; see case ${body.reopened}.`,
    )
  }
  const last = residual.sort().at(-1)
  if (last !== undefined) {
    sentences.push(`That what was issued before stopped at once: some of it works until ${last}.`)
  }
  return sentences
}
