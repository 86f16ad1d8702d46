import { readFile } from 'node:fs/promises'
import type { Connection } from 'mongoose'
import { fsck } from '../../src/ledger/fsck.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { createLedgerReader } from '../../src/ledger/reader.ts'
import { readerSource } from '../../src/ledger/tlog-source.ts'
import { append, EMPTY_EDGE, edgeRoot } from '../../src/ledger/tree.ts'
import { inTransaction } from '../../src/storage/connection.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import {
  checkpointsOf,
  entriesOf,
  headsOf,
  intakeOf,
  refusedOf,
} from '../../src/storage/ledger-collections.ts'
import { createLedgerStore } from '../../src/storage/ledger-store.ts'
import { offboardingsOf, revocationsOf } from '../../src/storage/revocation-models.ts'
import type { LeaseChange } from './lease-history.ts'
import type { PersonStory } from './provider.ts'
import type { TargetLine } from './target-log.ts'

/** The name of the ledger in a run: the hub's default. */
const ORIGIN = 'quittance.local/ledger'

/** Everything that is known about a run afterwards, as plain JSON: what the checker judges. */
export interface Facts {
  sourceId: string
  /** App ids of the hub by the names under which the applications log. */
  apps: Record<string, { id: string; facets: number }>
  stories: readonly PersonStory[]
  users: readonly { id: string; active: boolean; generation: number }[]
  offboardings: readonly {
    id: string
    userId: string
    generation: number
    state: string
    expected: number
  }[]
  revocations: readonly {
    id: string
    offboardingId: string
    userId: string
    appId: string
    facet: string
    generation: number
    state: string
    reason?: string
  }[]
  lanes: readonly { id: string; state: string; want: number; op: string; undo: number }[]
  /** Of the ledger, without their bytes. */
  entries: readonly { eid: string; type: string }[]
  ledger: {
    waiting: number
    refused: number
    /** What a full re-computation from the leaves found; see fsck.ts. */
    faults: readonly string[]
    /** Checkpoints whose root is not the root of the entries before them. */
    wrongRoots: number
    checkpoints: number
  }
  snapshots: { taken: number; broken: readonly Snapshot[] }
  target: readonly TargetLine[]
  leases: readonly LeaseChange[]
}

/** Counts of one moment: `proven` revocations and entries that prove one, the head and all entries. */
export interface Snapshot {
  proven: number
  verified: number
  size: number
  entries: number
}

/** The ledger's invariant, looked at in one snapshot of the database while everything goes on. */
export async function takeSnapshot(connection: Connection): Promise<Snapshot> {
  return await inTransaction(connection, async (session) => {
    const proven = await revocationsOf(connection).countDocuments({ state: 'proven' }, { session })
    const types = await entriesOf(connection)
      .aggregate<{ _id: string; n: number }>([{ $group: { _id: '$type', n: { $sum: 1 } } }], {
        session,
      })
      .toArray()
    const head = await headsOf(connection).findOne({}, { session, projection: { size: 1 } })
    return {
      proven,
      verified: types.find(({ _id }) => _id === 'revocation.verified')?.n ?? 0,
      size: head?.size ?? 0,
      entries: types.reduce((sum, { n }) => sum + n, 0),
    }
  })
}

export const isBroken = ({ proven, verified, size, entries }: Snapshot): boolean =>
  proven !== verified || size !== entries

/** Reads everything, at rest. */
export async function collectFacts(
  connection: Connection,
  known: Pick<Facts, 'sourceId' | 'apps' | 'stories' | 'snapshots' | 'leases'> & {
    targetLog: string
    vkey: string
  },
): Promise<Facts> {
  const { targetLog, vkey, ...rest } = known
  const db = connection.getClient().db(connection.name)
  const users = await db
    .collection('users')
    .find({}, { projection: { active: 1, generation: 1, id: 1 } })
    .toArray()
  const offboardings = await offboardingsOf(connection).find().toArray()
  const revocations = await revocationsOf(connection).find().toArray()
  const lanes = await lanesOf(connection).find().toArray()
  const entries = await entriesOf(connection).find().sort({ _id: 1 }).toArray()
  const checkpoints = await checkpointsOf(connection).find().sort({ _id: 1 }).toArray()
  const verifier = parseVkey(vkey)
  const reader = createLedgerReader({
    origin: ORIGIN,
    store: createLedgerStore(connection, ORIGIN),
  } as Parameters<typeof createLedgerReader>[0])
  const report = await fsck(readerSource(reader), verifier === undefined ? [] : [verifier])
  const indexes = entries.findIndex((row, i) => row._id !== i)
  return {
    ...rest,
    users: users.map((user) => ({
      id: String(user['id'] ?? user._id),
      active: user['active'] as boolean,
      generation: user['generation'] as number,
    })),
    offboardings: offboardings.map((o) => ({
      id: o._id,
      userId: o.userId,
      generation: o.generation,
      state: o.state,
      expected: o.expected.count,
    })),
    revocations: revocations.map((r) => ({
      id: r._id,
      offboardingId: r.offboardingId,
      userId: r.userId,
      appId: r.appId,
      facet: r.facet,
      generation: r.generation,
      state: r.state,
      ...(r.reason === undefined ? {} : { reason: r.reason }),
    })),
    lanes: lanes.map((lane) => ({
      id: lane._id,
      state: lane.dirty ? `${lane.state}, not projected` : lane.state,
      want: lane.want?.generation ?? 0,
      op: lane.want?.op ?? '',
      undo: lane.undo.length,
    })),
    entries: entries.map(({ eid, type }) => ({ eid, type })),
    ledger: {
      waiting: await intakeOf(connection).countDocuments(),
      refused: await refusedOf(connection).countDocuments(),
      faults: indexes < 0 ? report.faults : [...report.faults, `entry ${indexes} is missing`],
      wrongRoots: wrongRoots(entries, checkpoints),
      checkpoints: checkpoints.length,
    },
    target: (await readFile(targetLog, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TargetLine),
  }
}

/** Computes every signed root again, in one pass. */
function wrongRoots(
  entries: readonly { leafHash: Buffer }[],
  checkpoints: readonly { _id: number; root: Buffer }[],
): number {
  let edge = EMPTY_EDGE
  let wrong = 0
  for (const { _id: size, root } of checkpoints) {
    edge = append(
      edge,
      entries.slice(edge.size, size).map(({ leafHash }) => leafHash),
    ).edge
    if (edge.size !== size || !edgeRoot(edge).equals(root)) wrong += 1
  }
  return wrong
}
