import type { Connection, mongo } from 'mongoose'
import { HubError } from '../shared/errors.ts'
import { type Vault, type Wrapped, wrappedBy } from '../vault/vault.ts'
import { translated } from './errors.ts'
import { releaseOtherKeys } from './master-key.ts'

type Row = mongo.Document & { _id: string }

/** One place in the database where data keys are kept. */
interface Place {
  collection: string
  /** Path of the wrapped key. With `.$.`, it is in each item of a list. */
  path: string
  /** What the key was wrapped for; see the writer of the collection. */
  context(row: Row): string
  /** Readers of the row compare this number before they write it whole. */
  version?: string
}

const ofId =
  (kind: string) =>
  ({ _id }: Row): string =>
    `${kind}:${_id}`

/** Every place. What is wrapped for minutes alone (the cookie of a sign-in) is not among them: it is thrown away. */
export const WRAPPED_KEYS: readonly Place[] = [
  {
    collection: 'app_secrets',
    path: 'wrapped',
    context: ({ appId, name }) => `app:${appId}:${name}`,
  },
  { collection: 'case_keys', path: 'wrapped', context: ofId('case') },
  { collection: 'audit', path: 'wrapped', context: ofId('act') },
  { collection: 'approvals', path: 'reason.wrapped', context: ofId('approval') },
  { collection: 'approvals', path: 'kept.wrapped', context: ofId('approval') },
  { collection: 'approvals', path: 'decisionReason.wrapped', context: ofId('approval') },
  { collection: 'idempotency_keys', path: 'answer.wrapped', context: ofId('idempotency') },
  { collection: 'lanes', path: 'undo.$.wrapped', context: ofId('undo'), version: 'rev' },
]

/** Rows that are read and written in one go. No command reads more: it would be cut off on a large collection. */
const BATCH = 500
/** While hubs work, what a round finds may be moved under its hands. So many rounds: somebody wraps under the other key. */
const MOST_ROUNDS = 20

/** How far a re-wrapping is. */
export interface RewrapProgress {
  collection: string
  /** Rows that were looked at, in the first round over this collection. */
  done: number
  /** Estimated at the beginning: rows may be added and deleted meanwhile. */
  total: number
}

/**
 * Wraps every data key under the master key that wraps now, and then says in the database that the others are not
 * needed. Hubs may run. Broken off, it goes on where it was: what is done is only looked at.
 *
 * @param vault has all master keys under which something is wrapped
 * @returns how many keys were wrapped anew, by collection
 * @throws HubError ERR_MASTER_KEY when a key is wrapped under a master key that is not here; the others stay as they are
 * @throws HubError ERR_CONFLICT while a hub goes on wrapping under another master key
 */
export async function rewrapAll(
  connection: Connection,
  vault: Vault,
  onProgress: (progress: RewrapProgress) => void = () => {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const place of WRAPPED_KEYS) {
    const { collection } = place
    counts[collection] = (counts[collection] ?? 0) + (await rewrapPlace(connection, place))
  }
  await releaseOtherKeys(connection, vault)
  return counts

  async function rewrapPlace(of: Connection, place: Place): Promise<number> {
    const { collection } = place
    const rows = rowsOf(of, place)
    const total = await translated(() => rows.estimatedDocumentCount())
    let moved = 0
    for (let round = 0; round < MOST_ROUNDS; round++) {
      let left = 0
      let done = 0
      for await (const found of batches(rows, place)) {
        const writes = found.flatMap((row) => rewrapsOf(row, place, vault))
        left += writes.length
        if (writes.length > 0) {
          const write = () => rows.bulkWrite(writes, { ordered: false })
          moved += (await translated(write)).modifiedCount
        }
        done += found.length
        if (round === 0) onProgress({ collection, done, total })
      }
      if (left === 0) return moved
    }
    throw new HubError(
      'ERR_CONFLICT',
      `keys in ${collection} are still being wrapped under another master key; restart every hub with this MASTER_KEY, and run it again`,
    )
  }
}

/** @returns how many keys are still wrapped under another master key than the one that wraps now */
export async function countOthers(connection: Connection, vault: Vault): Promise<number> {
  let count = 0
  for (const place of WRAPPED_KEYS) {
    for await (const found of batches(rowsOf(connection, place), place)) {
      count += found.flatMap((row) => othersIn(row, place, vault)).length
    }
  }
  return count
}

const rowsOf = (connection: Connection, { collection }: Place): mongo.Collection<Row> =>
  connection.getClient().db(connection.name).collection<Row>(collection, { promoteBuffers: true })

/** All rows, in the order of their ids; only what is needed of each. */
async function* batches(rows: mongo.Collection<Row>, place: Place): AsyncGenerator<Row[]> {
  const projection = { [pathIn(place)]: 1, appId: 1, name: 1 }
  let filter: mongo.Filter<Row> = {}
  for (;;) {
    const found = await translated(() =>
      rows.find(filter, { projection }).sort({ _id: 1 }).limit(BATCH).toArray(),
    )
    const last = found.at(-1)
    if (last === undefined) return
    yield found
    filter = { _id: { $gt: last._id } }
  }
}

/** Where it lies, for queries. */
const pathIn = ({ path }: Place): string => path.replace('.$.', '.')

const othersIn = (row: Row, place: Place, { fingerprint }: Vault): Wrapped[] =>
  wrappedIn(row, place).filter((wrapped) => wrappedBy(wrapped) !== fingerprint)

function rewrapsOf(row: Row, place: Place, vault: Vault): mongo.AnyBulkWriteOperation<Row>[] {
  return othersIn(row, place, vault).map((wrapped) => ({
    updateOne: {
      // Somebody else was here first: there is nothing left to do, or the next round sees it.
      filter: { _id: row._id, [pathIn(place)]: wrapped },
      update: {
        $set: { [place.path]: vault.rewrap(wrapped, place.context(row)) },
        ...(place.version === undefined ? {} : { $inc: { [place.version]: 1 } }),
      } as mongo.UpdateFilter<Row>,
    },
  }))
}

function wrappedIn(row: Row, { path }: Place): Wrapped[] {
  const [first = '', ...rest] = path.split('.').filter((step) => step !== '$')
  const values = [row[first]].flat() as mongo.Document[]
  return values
    .map((value) => rest.reduce<mongo.Document | undefined>((at, step) => at?.[step], value))
    .filter((value) => value !== undefined) as unknown as Wrapped[]
}
