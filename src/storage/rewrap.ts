import mongoose, { type Connection, type mongo } from 'mongoose'
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
  { collection: 'approvals', path: 'decisionReason.wrapped', context: ofId('approval') },
  { collection: 'idempotency_keys', path: 'answer.wrapped', context: ofId('idempotency') },
  { collection: 'lanes', path: 'undo.$.wrapped', context: ofId('undo'), version: 'rev' },
]

/** Rows that are read and written in one go. */
const BATCH = 500

/** How far a re-wrapping is. */
export interface RewrapProgress {
  collection: string
  done: number
  /** Estimated at the beginning: rows may be added and deleted meanwhile. */
  total: number
}

/**
 * Wraps every data key under the master key that wraps now, and then says in the database that the others are not
 * needed. Hubs may run. Broken off, it goes on where it was: what is done needs no second look.
 *
 * @param vault has all master keys under which something is wrapped
 * @returns how many keys were wrapped anew, by collection
 * @throws HubError ERR_MASTER_KEY when a key is wrapped under a master key that is not here; the others stay as they are
 */
export async function rewrapAll(
  connection: Connection,
  vault: Vault,
  onProgress: (progress: RewrapProgress) => void = () => {},
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const place of WRAPPED_KEYS) {
    const rows = rowsOf(connection, place)
    const total = await translated(() => rows.countDocuments(underOtherKey(place, vault)))
    let done = 0
    for (;;) {
      const moved = await rewrapBatch(rows, place, vault)
      if (moved === undefined) break
      done += moved
      onProgress({ collection: place.collection, done, total })
    }
    counts[place.collection] = (counts[place.collection] ?? 0) + done
  }
  await releaseOtherKeys(connection, vault)
  return counts
}

/** @returns how many keys are still wrapped under another master key than the one that wraps now */
export async function countOthers(connection: Connection, vault: Vault): Promise<number> {
  const counts = await Promise.all(
    WRAPPED_KEYS.map((place) =>
      translated(() =>
        rowsOf(connection, place).countDocuments(underOtherKey(place, vault), { limit: 1_000_000 }),
      ),
    ),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

const rowsOf = (connection: Connection, { collection }: Place): mongo.Collection<Row> =>
  connection.getClient().db(connection.name).collection<Row>(collection, { promoteBuffers: true })

/** @returns undefined when nothing was left */
async function rewrapBatch(
  rows: mongo.Collection<Row>,
  place: Place,
  vault: Vault,
): Promise<number | undefined> {
  const found = await translated(() =>
    rows.find(underOtherKey(place, vault)).limit(BATCH).toArray(),
  )
  if (found.length === 0) return undefined
  const writes = found.flatMap((row) =>
    wrappedIn(row, place)
      .filter((wrapped) => wrappedBy(wrapped) !== vault.fingerprint)
      .map((wrapped) => ({
        updateOne: {
          // Somebody else was here first: there is nothing left to do, or the next round sees it.
          filter: { _id: row._id, [place.path.replace('.$.', '.')]: wrapped },
          update: {
            $set: { [place.path]: vault.rewrap(wrapped, place.context(row)) },
            ...(place.version === undefined ? {} : { $inc: { [place.version]: 1 } }),
          },
        },
      })),
  )
  const { modifiedCount } = await translated(() => rows.bulkWrite(writes, { ordered: false }))
  return modifiedCount
}

function wrappedIn(row: Row, { path }: Place): Wrapped[] {
  const [first = '', ...rest] = path.split('.').filter((step) => step !== '$')
  const values = [row[first]].flat() as mongo.Document[]
  return values
    .map((value) => rest.reduce<mongo.Document | undefined>((at, step) => at?.[step], value))
    .filter((value) => value !== undefined) as unknown as Wrapped[]
}

/** Wrapped keys have one length: those of one master key lie between its id and the next one. */
function underOtherKey({ path }: Place, { fingerprint }: Vault): mongo.Filter<Row> {
  const bound = (fill: number): mongo.Binary =>
    new mongoose.mongo.Binary(
      Buffer.concat([Buffer.from(fingerprint, 'hex'), Buffer.alloc(WRAPPED_BYTES - 8, fill)]),
    )
  const [list, field] = path.split('.$.')
  const other = [{ $lt: bound(0) }, { $gt: bound(0xff) }]
  if (field === undefined) return { $or: other.map((range) => ({ [path]: range })) }
  return { $or: other.map((range) => ({ [list ?? '']: { $elemMatch: { [field]: range } } })) }
}

/** Id, nonce, tag, key. */
const WRAPPED_BYTES = 8 + 12 + 16 + 32
