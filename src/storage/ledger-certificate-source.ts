import type { Connection } from 'mongoose'
import type { CertificateSource } from '../ledger/certificate.ts'
import { readLeaf } from '../ledger/leaf.ts'
import type { LogReadStore, StoredCheckpoint, StoredEntry } from '../ledger/store.ts'
import type { EvidenceStore } from '../revocation/evidence.ts'
import type { AppStore } from '../revocation/store.ts'
import { canonicalJson } from '../shared/canonical-json.ts'
import { HubError } from '../shared/errors.ts'
import type { CaseKeyStore } from './case-key-store.ts'
import { translated } from './errors.ts'
import { checkpointsOf, entriesOf } from './ledger-collections.ts'
import { toCheckpoint } from './ledger-store.ts'
import { offboardingsOf, revocationsOf } from './revocation-models.ts'

/** Gathers one case for its certificate: entries from the log, the rest from the erasable part of the database. */
export function createCertificateSource(
  connection: Connection,
  stores: {
    ledger: LogReadStore
    caseKeys: Pick<CaseKeyStore, 'caseKey'>
    evidence: Pick<EvidenceStore, 'ofOffboarding'>
    apps: Pick<AppStore, 'all'>
  },
): CertificateSource {
  const { ledger: log, caseKeys, evidence, apps } = stores
  const entries = entriesOf(connection)

  /** Entries of the case and of the keys, as far as the checkpoint covers them. */
  const covered = (offboardingId: string, size: number): Promise<StoredEntry[]> =>
    translated(async () => {
      const below = { _id: { $lt: size } }
      const keys = await entries.find({ type: 'log.key', ...below }).toArray()
      const own = await entries
        .find({ 'references.offboardingId': offboardingId, ...below })
        .toArray()
      return [...keys, ...own]
        .sort((a, b) => a._id - b._id)
        .map(({ _id, eid, leaf, leafHash }) => ({
          index: _id,
          eid,
          leaf,
          leafHash: leafHash.toString('hex'),
        }))
    })

  /** A checkpoint with a time stamp, when one covers all of it. */
  const stamped = (
    found: readonly StoredEntry[],
    newest: StoredCheckpoint,
  ): Promise<StoredCheckpoint> =>
    translated(async () => {
      const row = await checkpointsOf(connection)
        .find({ stampedAt: { $gt: 0 } })
        .sort({ stampedAt: -1 })
        .limit(1)
        .next()
      return row !== null && found.every(({ index }) => index < row._id)
        ? toCheckpoint(row)
        : newest
    })

  return {
    material: async (offboardingId) => {
      const newest = await log.checkpoint()
      if (newest === undefined) return undefined
      const found = await covered(offboardingId, newest.size)
      const checkpoint = await stamped(found, newest)
      if (!found.some((entry) => entry.eid === `offboarding.opened:${offboardingId}`)) {
        return undefined
      }
      const [offboarding, revocations] = await translated(async () => [
        await offboardingsOf(connection).findOne({ _id: offboardingId }),
        await revocationsOf(connection)
          .find({ offboardingId }, { projection: { appId: 1, facet: 1, amendedTo: 1 } })
          .sort({ _id: 1 })
          .toArray(),
      ])
      const caseKey = (await caseKeys.caseKey(offboardingId)) ?? undefined
      const stored = caseKey === undefined ? [] : await evidence.ofOffboarding(offboardingId)
      const subject = caseKey === undefined ? undefined : offboarding?.subject
      const accounts = new Set(stored.map(({ record }) => record.handle.id))
      return {
        offboardingId,
        origin: originOf(checkpoint),
        checkpoint,
        entries: found,
        // What was added by an amendment that is not sealed yet is committed to by nothing that can be shown.
        expected: revocations
          .filter((r) => r.amendedTo === undefined || r.amendedTo <= amendedTo(found))
          .map((r) => ({ app: r.appId, facet: r.facet, revocation: r._id })),
        caseKey,
        secrets: [
          ...(subject === undefined ? [] : [Buffer.from(canonicalJson(subject))]),
          ...[...accounts].map((account) => Buffer.from(account)),
          ...stored.map(({ bytes }) => bytes),
        ],
        names: {
          subject: subject?.userName,
          apps: new Map((await apps.all()).map((app) => [app.id, app.name])),
        },
        readTile: async (tile) => {
          const bytes = await log.tile(tile)
          if (bytes === undefined) {
            throw new HubError('ERR_LEDGER', `tile ${tile.level}/${tile.index} is missing`)
          }
          return bytes
        },
      }
    },
  }
}

/** Size of the set that the last of these amendments commits to; 0 when there is none. */
function amendedTo(entries: readonly StoredEntry[]): number {
  const sizes = entries.flatMap(({ leaf }) => {
    const read = readLeaf(leaf)
    return read.kind === 'leaf' && read.leaf.body.type === 'offboarding.amended'
      ? [read.leaf.body.expected.count]
      : []
  })
  return Math.max(0, ...sizes)
}

/** The first line of the note that was signed. */
function originOf({ note }: StoredCheckpoint): string {
  return note.slice(0, note.indexOf('\n'))
}
