import { hash } from 'node:crypto'
import type { Connection, mongo } from 'mongoose'
import type { LedgerTask } from '../ledger/lease.ts'
import type { SignerReportStore } from '../ledger/signer-report.ts'
import type { StatusStore } from '../ledger/status.ts'
import type {
  CheckpointStore,
  LogHead,
  LogReadStore,
  SealBatch,
  SequencerStore,
  StoredCheckpoint,
  StoredEntry,
  WaitingEntry,
} from '../ledger/store.ts'
import { levelSize, tileFromEdge } from '../ledger/tiles.ts'
import { EMPTY_ROOT, HASH_SIZE, TILE_WIDTH } from '../ledger/tree.ts'
import { HubError } from '../shared/errors.ts'
import type { Transaction } from '../shared/transaction.ts'
import { translated } from './errors.ts'
import {
  type CheckpointRow,
  checkpointsOf,
  type EntryRow,
  entriesOf,
  type HeadRow,
  headsOf,
  type IntakeRow,
  intakeOf,
  leasesOf,
  type RefusedRow,
  refusedOf,
  tilesOf,
} from './ledger-collections.ts'
import { createLedgerStatusStore } from './ledger-status-store.ts'
import { createTransactor, sessionOf } from './transaction.ts'

export { prepareLedger } from './ledger-collections.ts'
export { createLedgerIntake } from './ledger-intake-store.ts'

export type LedgerStore = SequencerStore &
  LogReadStore &
  CheckpointStore &
  StatusStore &
  SignerReportStore

/** Thrown inside the sealing transaction to undo it: another process has moved the head. */
const FENCED = new Error('fenced')

/**
 * The log in MongoDB.
 *
 * @param origin name of the log; a database holds one
 */
export function createLedgerStore(connection: Connection, origin: string): LedgerStore {
  const heads = headsOf(connection)
  const intake = intakeOf(connection)
  const entries = entriesOf(connection)
  const tiles = tilesOf(connection)
  const checkpoints = checkpointsOf(connection)
  const leases = leasesOf(connection)
  const refused = refusedOf(connection)
  const { transaction } = createTransactor(connection)
  const leaseId = (task: LedgerTask): string => `${origin}#${task}`

  const head = (): Promise<LogHead> =>
    translated(async () => {
      const row = await heads.findOne({ _id: origin })
      if (row !== null) return toHead(row)
      const other = await heads.findOne({})
      if (other !== null) {
        throw new HubError('ERR_LEDGER', `this database holds the log ${other._id}, not ${origin}`)
      }
      const empty = { size: 0, root: EMPTY_ROOT, edge: [], at: 0 }
      await heads.updateOne({ _id: origin }, { $setOnInsert: empty }, { upsert: true })
      return toHead({ _id: origin, ...empty })
    })

  const sealing = ({ from, to, ...added }: SealBatch): ((tx: Transaction) => Promise<void>) => {
    const headUpdate = {
      $set: { size: to.edge.size, root: to.root, edge: [...to.edge.levels], at: to.at },
    }
    const rows = added.entries.map(
      (entry): EntryRow => ({
        _id: entry.index,
        eid: entry.eid,
        type: entry.type,
        leaf: entry.leaf,
        leafHash: Buffer.from(entry.leafHash, 'hex'),
        references: entry.references,
      }),
    )
    const full = added.tiles.map(({ level, index, bytes }) => ({ _id: `${level}/${index}`, bytes }))
    return async (tx) => {
      const session = sessionOf(tx)
      // First: whoever lost the race stops here, before doing work.
      const moved = await heads.updateOne(
        { _id: origin, size: from.edge.size },
        headUpdate,
        session,
      )
      if (moved.matchedCount !== 1) throw FENCED
      await entries.insertMany(rows, session)
      if (full.length > 0) await tiles.insertMany(full, session)
      await intake.deleteMany({ _id: { $in: rows.map((row) => row.eid) } }, session)
    }
  }

  return {
    ...createLedgerStatusStore(connection, origin),
    head,
    takeLease: (task, holder, freeAt, until) =>
      translated(async () => {
        const _id = leaseId(task)
        const mine = { $or: [{ holder }, { until: { $lt: freeAt } }] }
        const taken = await leases.updateOne({ _id, ...mine }, { $set: { holder, until } })
        if (taken.matchedCount === 1) return true
        const made = await leases.updateOne(
          { _id },
          { $setOnInsert: { holder, until } },
          { upsert: true },
        )
        return made.upsertedCount === 1
      }),
    releaseLease: (task, holder) =>
      translated(async () => {
        await leases.deleteOne({ _id: leaseId(task), holder })
      }),
    pending: (limit, after) =>
      translated(async () => {
        const filter: mongo.Filter<IntakeRow> =
          after === undefined
            ? {}
            : { $or: [{ at: after.at, _id: { $gt: after.eid } }, { at: { $gt: after.at } }] }
        const rows = intake.find(filter, { batchSize: limit }).sort({ at: 1, _id: 1 })
        return (await rows.limit(limit).toArray()).map(toWaiting)
      }),
    sealed: (eids) =>
      translated(async () => {
        const found = entries.find({ eid: { $in: [...eids] } }, { projection: { _id: 0, eid: 1 } })
        return new Set(await found.map((row) => row.eid).toArray())
      }),
    dropDuplicates: (eids) =>
      translated(async () => {
        await intake.deleteMany({ _id: { $in: [...eids] } })
      }),
    setAside: async (rows, now) => {
      await transaction(async (tx) => {
        const session = sessionOf(tx)
        for (const { entry, reason, kid } of rows) {
          const row = await intake.findOneAndDelete({ _id: entry.eid }, session)
          if (row === null) continue
          const set = { entry: row, reason, refusedAt: now, ...(kid === undefined ? {} : { kid }) }
          await refused.updateOne(
            { _id: refusedId(row) },
            { $set: set },
            { upsert: true, ...session },
          )
        }
      })
    },
    takeBack: async (knownKids) =>
      await transaction(async (tx) => {
        const session = sessionOf(tx)
        const filter = {
          $or: [
            { reason: 'unknown-key' as const, kid: { $in: [...knownKids] } },
            { reason: 'effects-failed' as const },
          ],
        }
        const rows = await refused.find(filter, session).limit(1_000).toArray()
        for (const { _id, entry } of rows) {
          const { _id: eid, ...row } = entry
          await intake.updateOne({ _id: eid }, { $setOnInsert: row }, { upsert: true, ...session })
          await refused.deleteOne({ _id }, session)
        }
        return rows.length
      }),
    seal: async (batch, onSealed) => {
      const write = sealing(batch)
      try {
        await transaction(async (tx) => {
          await write(tx)
          await onSealed(batch.entries, tx)
        })
        return 'sealed'
      } catch (error) {
        if (error === FENCED) return 'fenced'
        throw error
      }
    },
    keyLeaves: () =>
      translated(async () => {
        const rows = entries.find({ type: 'log.key' }, { projection: { leaf: 1 } })
        return await rows
          .sort({ _id: 1 })
          .map((row) => row.leaf)
          .toArray()
      }),
    entry: (index) =>
      translated(async () => {
        const row = await entries.findOne({ _id: index })
        return row === null ? undefined : toEntry(row)
      }),
    entries: (from, to) =>
      translated(async () => {
        const rows = await entries
          .find({ _id: { $gte: from, $lt: to } })
          .sort({ _id: 1 })
          .toArray()
        const missing = rows.findIndex((row, i) => row._id !== from + i)
        if (rows.length !== to - from || missing >= 0) {
          const at = from + (missing >= 0 ? missing : rows.length)
          throw new HubError('ERR_LEDGER', `entry ${at} of ${origin} is missing`)
        }
        return rows.map(toEntry)
      }),
    tile: (id) =>
      translated(async () => {
        // A full tile is a row; an unfinished one is in the head, until it becomes a row.
        if (id.width < TILE_WIDTH) {
          const { edge } = await head()
          const whole = levelSize(edge.size, id.level) >= (id.index + 1) * TILE_WIDTH
          if (!whole) return tileFromEdge(edge, id)
        }
        const row = await tiles.findOne({ _id: `${id.level}/${id.index}` })
        return row?.bytes.subarray(0, id.width * HASH_SIZE)
      }),
    checkpoint: () =>
      translated(async () => {
        const row = await checkpoints.findOne({}, { sort: { _id: -1 } })
        return row === null ? undefined : toCheckpoint(row)
      }),
    putCheckpoint: ({ size, root, note, at, timestamps }) =>
      translated(async () => {
        const known = await checkpoints.findOne({ _id: size })
        if (known !== null && !known.root.equals(root)) {
          throw new HubError('ERR_LEDGER', `another root was published for size ${size}`)
        }
        const stamps = timestamps && { timestamps: [...timestamps], stampedAt: at }
        const set = { $set: { root, note, at, ...stamps } }
        await checkpoints.updateOne({ _id: size }, set, { upsert: true })
      }),
  }
}

function toHead({ size, root, edge, at }: HeadRow): LogHead {
  return { edge: { size, levels: edge }, root, at }
}

function toWaiting({ _id, type, leaf, references, mac, at }: IntakeRow): WaitingEntry {
  // The sequencer checks the type before it believes it.
  const entry = { eid: _id, type: type as WaitingEntry['type'], leaf, references, at }
  return mac === undefined ? entry : { ...entry, mac }
}

function toEntry({ _id, eid, leaf, leafHash }: EntryRow): StoredEntry {
  return { index: _id, eid, leaf, leafHash: leafHash.toString('hex') }
}

export function toCheckpoint({ _id, root, note, at, timestamps }: CheckpointRow): StoredCheckpoint {
  return { size: _id, root, note, at, ...(timestamps === undefined ? {} : { timestamps }) }
}

function refusedId({ _id, leaf }: IntakeRow): RefusedRow['_id'] {
  return `${_id}#${hash('sha256', leaf, 'hex')}`
}
