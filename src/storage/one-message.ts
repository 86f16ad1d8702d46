import mongoose, { type mongo } from 'mongoose'

export type Write<Row extends mongo.Document> = mongo.AnyBulkWriteOperation<Row>

/** The first MongoDB that takes writes to several collections in one message: 8.0. */
const BULK_WRITE_WIRE_VERSION = 25

const abilities = new WeakMap<mongo.MongoClient, Promise<boolean>>()

/** Does this server take writes to several collections in one message? Asked once for each client. */
export function takesOneMessage(client: mongo.MongoClient): Promise<boolean> {
  const known = abilities.get(client)
  if (known !== undefined) return known
  const asked = client
    .db('admin')
    .command({ hello: 1 })
    .then((hello) => Number(hello['maxWireVersion']) >= BULK_WRITE_WIRE_VERSION)
  abilities.set(client, asked)
  asked.catch(() => abilities.delete(client))
  return asked
}

/** `{ updateOne: {…} }` as `client.bulkWrite` names it: `{ name: 'updateOne', namespace, … }`. */
export function named<Row extends mongo.Document>(
  { namespace }: mongo.Collection<Row>,
  write: Write<Row>,
): mongo.ClientBulkWriteModel<Record<string, mongo.Document>> {
  const [[name, model] = []] = Object.entries(write)
  return { name, namespace, ...model } as mongo.ClientBulkWriteModel<Record<string, mongo.Document>>
}

/**
 * The driver wraps what the server said. The labels by which a transaction is repeated are on the inner error, and a
 * duplicate key is known by its code.
 */
export function causeOf(error: unknown): unknown {
  const { MongoClientBulkWriteError, MongoServerError } = mongoose.mongo
  if (!(error instanceof MongoClientBulkWriteError)) return error
  if (error.cause instanceof MongoServerError) return error.cause
  const first = [...error.writeErrors.values(), ...error.writeConcernErrors][0]
  if (first === undefined) return error
  return new MongoServerError({ message: first.message, code: first.code })
}
