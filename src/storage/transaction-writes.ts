import type { ClientSession, Connection, mongo } from 'mongoose'
import type { Transaction } from '../shared/transaction.ts'
import { causeOf, named, takesOneMessage, type Write } from './one-message.ts'

/** What came of the writes of one call. */
export interface Written {
  /** Documents that updates and replacements found. */
  matched: number
  deleted: number
  /** Positions, in the call, of the writes that had to make their document. */
  upserted: readonly number[]
}

/** One call, waiting for the message that it goes with. */
interface Call {
  collection: mongo.Collection
  writes: readonly Write<mongo.Document>[]
  resolve(written: Written): void
  reject(error: unknown): void
}

const waiting = new WeakMap<ClientSession, Call[]>()

/** Runs writes of one collection, in order. */
export type Writer = <Row extends mongo.Document>(
  collection: mongo.Collection<Row>,
  writes: readonly Write<Row>[],
  tx: Transaction | undefined,
) => Promise<Written>

/**
 * In a transaction, calls that are made in the same turn of the event loop go to the server in one message, in the
 * order of the calls, whichever writers of the connection they come from: a deactivation is one round trip instead
 * of six. So ask for all of them at once (`Promise.all`), and for nothing else of the transaction until they are
 * done. A server before MongoDB 8.0 gets one message for each call.
 *
 * A failure of one write fails all calls of the message; the transaction is over then.
 *
 * @param oneMessage whether the server takes writes to several collections in one message
 */
export function writerOn(
  connection: Connection,
  oneMessage: (client: mongo.MongoClient) => Promise<boolean> = takesOneMessage,
): Writer {
  const client = connection.getClient()
  return async (collection, writes, tx) => {
    if (writes.length === 0) return { matched: 0, deleted: 0, upserted: [] }
    const session = tx as unknown as ClientSession | undefined
    if (session === undefined) return await alone(collection, writes, {})
    const together = await oneMessage(client)
    return await new Promise<Written>((resolve, reject) => {
      const call = { collection, writes, resolve, reject } as unknown as Call
      const calls = waiting.get(session)
      if (calls !== undefined) {
        calls.push(call)
        return
      }
      waiting.set(session, [call])
      setImmediate(() => {
        const ready = waiting.get(session) ?? []
        waiting.delete(session)
        void (together ? sendTogether(client, session, ready) : sendEach(session, ready))
      })
    })
  }
}

async function alone<Row extends mongo.Document>(
  collection: mongo.Collection<Row>,
  writes: readonly Write<Row>[],
  options: { session?: ClientSession },
): Promise<Written> {
  const result = await collection.bulkWrite(writes, options)
  return {
    matched: result.matchedCount,
    deleted: result.deletedCount,
    upserted: Object.keys(result.upsertedIds).map(Number),
  }
}

async function sendEach(session: ClientSession, calls: readonly Call[]): Promise<void> {
  const [call, ...others] = calls
  if (call === undefined) return
  try {
    call.resolve(await alone(call.collection, call.writes, { session }))
  } catch (error) {
    for (const { reject } of calls) reject(error)
    return
  }
  await sendEach(session, others)
}

async function sendTogether(
  client: mongo.MongoClient,
  session: ClientSession,
  calls: readonly Call[],
): Promise<void> {
  try {
    const result = await client.bulkWrite(
      calls.flatMap(({ collection, writes }) => writes.map((write) => named(collection, write))),
      { session, verboseResults: true },
    )
    let from = 0
    for (const { writes, resolve } of calls) {
      resolve(part(result, from, writes.length))
      from += writes.length
    }
  } catch (error) {
    const cause = causeOf(error)
    for (const { reject } of calls) reject(cause)
  }
}

function part(result: mongo.ClientBulkWriteResult, from: number, count: number): Written {
  let matched = 0
  let deleted = 0
  const upserted: number[] = []
  for (let at = 0; at < count; at++) {
    const update = result.updateResults?.get(from + at)
    // Counted as matched by the server, but it was not there.
    if (update?.didUpsert) upserted.push(at)
    else matched += update?.matchedCount ?? 0
    deleted += result.deleteResults?.get(from + at)?.deletedCount ?? 0
  }
  return { matched, deleted, upserted }
}
