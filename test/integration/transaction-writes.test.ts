import mongoose from 'mongoose'
import { afterAll, expect, test } from 'vitest'
import { inTransaction } from '../../src/storage/connection.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { writerOn } from '../../src/storage/transaction-writes.ts'
import { freshDatabase } from '../support/database.ts'

interface Row {
  _id: string
  n: number
}

const database = await freshDatabase()
const connection = await mongoose
  .createConnection(database.uri, { dbName: database.dbName, monitorCommands: true })
  .asPromise()
const db = connection.getClient().db(database.dbName)
const [a, b] = [db.collection<Row>('a'), db.collection<Row>('b')]
await db.createCollection('a')
await db.createCollection('b')
const write = writerOn(connection)
const { transaction } = createTransactor(connection)
const commands: string[] = []
connection.getClient().on('commandStarted', ({ commandName }) => commands.push(commandName))
afterAll(async () => {
  await connection.close()
  await database.dispose()
})

const upsert = (_id: string, n: number) => ({
  updateOne: { filter: { _id }, update: { $setOnInsert: { n } }, upsert: true },
})

test('writes of a transaction, asked for at once, are one command, and each call has its own result', async () => {
  await a.insertMany([
    { _id: 'old', n: 1 },
    { _id: 'gone', n: 1 },
  ])
  await transaction((tx) => write(a, [upsert('first', 0)], tx))
  commands.length = 0
  const results = await transaction((tx) =>
    Promise.all([
      write(a, [upsert('old', 5), upsert('new', 5)], tx),
      write(b, [{ insertOne: { document: { _id: 'x', n: 1 } } }], tx),
      write(a, [{ deleteMany: { filter: { _id: { $in: ['gone', 'never'] } } } }], tx),
      write(b, [], tx),
    ]),
  )
  expect(commands).toEqual(['bulkWrite', 'commitTransaction'])
  expect(results).toEqual([
    { matched: 1, deleted: 0, upserted: [1] },
    { matched: 0, deleted: 0, upserted: [] },
    { matched: 0, deleted: 1, upserted: [] },
    { matched: 0, deleted: 0, upserted: [] },
  ])
  expect(await b.findOne({ _id: 'x' })).toEqual({ _id: 'x', n: 1 })
})

test('writes of a transaction, on a server before 8.0, go one call after the other, with the same results', async () => {
  const old = writerOn(connection, async () => false)
  await a.insertOne({ _id: 'here', n: 1 })
  commands.length = 0
  const results = await transaction((tx) =>
    Promise.all([
      old(a, [upsert('here', 5), upsert('fresh', 5)], tx),
      old(b, [{ deleteMany: { filter: { _id: 'never' } } }], tx),
      old(b, [{ insertOne: { document: { _id: 'y', n: 1 } } }], tx),
    ]),
  )
  expect(commands).toEqual(['update', 'delete', 'insert', 'commitTransaction'])
  expect(results).toEqual([
    { matched: 1, deleted: 0, upserted: [1] },
    { matched: 0, deleted: 0, upserted: [] },
    { matched: 0, deleted: 0, upserted: [] },
  ])
  const refused = transaction((tx) =>
    Promise.all([
      old(b, [{ insertOne: { document: { _id: 'y', n: 2 } } }], tx),
      old(a, [upsert('behind', 0)], tx),
    ]),
  )
  await expect(refused).rejects.toMatchObject({ code: 'ERR_UNIQUENESS' })
  expect(await a.findOne({ _id: 'behind' })).toBeNull()
})

test('a write that fails, beside others, fails all of them, and nothing is written', async () => {
  await b.insertOne({ _id: 'taken', n: 1 })
  const both = transaction((tx) =>
    Promise.all([
      write(a, [upsert('beside', 0)], tx),
      write(b, [{ insertOne: { document: { _id: 'taken', n: 2 } } }], tx),
    ]),
  )
  await expect(both).rejects.toMatchObject({ code: 'ERR_UNIQUENESS' })
  expect(await a.findOne({ _id: 'beside' })).toBeNull()
})

test('transactions that meet in one document, all at once, start over until each is done', async () => {
  await a.insertOne({ _id: 'counter', n: 0 })
  await Promise.all(
    Array.from({ length: 20 }, () =>
      inTransaction(connection, (session) =>
        write(
          a,
          [{ updateOne: { filter: { _id: 'counter' }, update: { $inc: { n: 1 } } } }],
          session as never,
        ),
      ),
    ),
  )
  expect((await a.findOne({ _id: 'counter' }))?.n).toBe(20)
})
