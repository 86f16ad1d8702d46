// The yardstick: a bare Express 5 handler that does the same durable writes with the plain MongoDB driver.
// No schema, no dialects, no authentication store, no planning: what any correct server must at least pay.
// node bench/baseline.mjs MONGODB_URI DATABASE   → prints its port
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import express from 'express'
import mongoose from 'mongoose'

const { MongoClient } = mongoose.mongo
const [, , uri, dbName] = process.argv
const client = await MongoClient.connect(uri, {
  maxPoolSize: 64,
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
})
const db = client.db(dbName)
const users = db.collection('users')
await users.createIndex({ source: 1, key: 1 }, { unique: true })
const groups = db.collection('groups')
const members = db.collection('members')
for (const name of [
  'groups',
  'members',
  'offboardings',
  'revocations',
  'lanes',
  'case_keys',
  'intake',
]) {
  await db.createCollection(name).catch((error) => {
    if (error.codeName !== 'NamespaceExists') throw error
  })
}

const tokenHash = createHash('sha256').update('baseline').digest()
const APPS = ['a1', 'a2', 'a3', 'a4', 'a5']

const app = express()
app.disable('x-powered-by')
app.use((req, res, next) => {
  const token = (req.headers.authorization ?? '').slice('Bearer '.length)
  if (timingSafeEqual(createHash('sha256').update(token).digest(), tokenHash)) next()
  else res.status(401).end()
})
app.use(express.json({ type: ['application/scim+json', 'application/json'], limit: '1mb' }))

const render = (user) => ({ ...user.resource, id: user._id, meta: { version: user.version } })

app.post('/Users', async (req, res) => {
  const user = {
    _id: randomUUID(),
    source: 's',
    key: req.body.userName.toLowerCase(),
    resource: req.body,
    search: req.body,
    active: true,
    version: 1,
    generation: 0,
    created: new Date(),
  }
  await users.insertOne(user)
  res.status(201).json(render(user))
})
app.get('/Users/:id', async (req, res) => {
  res.json(render(await users.findOne({ _id: req.params.id })))
})
app.get('/Users', async (req, res) => {
  if (req.query.filter === undefined) {
    const page = await users
      .find({ source: 's' })
      .sort({ _id: 1 })
      .limit(Number(req.query.count ?? 100))
      .toArray()
    const totalResults = await users.countDocuments({ source: 's' })
    res.json({ totalResults, itemsPerPage: page.length, Resources: page.map(render) })
    return
  }
  const key = /"(.*)"/.exec(req.query.filter)[1].toLowerCase()
  const found = await users.find({ source: 's', key }).toArray()
  res.json({ totalResults: found.length, Resources: found.map(render) })
})
app.post('/Groups', async (req, res) => {
  const group = { _id: randomUUID(), source: 's', resource: req.body, version: 1 }
  await groups.insertOne(group)
  res.status(201).json(render(group))
})
// Members in rows of their own, the user and the group with new versions, in one transaction.
app.patch('/Groups/:id', async (req, res) => {
  const [{ op, path, value }] = req.body.Operations
  const member = op === 'add' ? value[0].value : /"(.*)"/.exec(path)[1]
  const _id = `${req.params.id}/${member}`
  await client.withSession((session) =>
    session.withTransaction(
      async () => {
        if (op === 'add') {
          await members.updateOne({ _id }, { $setOnInsert: { member } }, { upsert: true, session })
        } else await members.deleteOne({ _id }, { session })
        await users.updateOne({ _id: member }, { $inc: { version: 1 } }, { session })
      },
      { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
    ),
  )
  await groups.updateOne({ _id: req.params.id }, { $inc: { version: 1 } })
  res.status(204).end()
})
app.patch('/Users/:id', async (req, res) => {
  const before = await users.findOne({ _id: req.params.id })
  const change = req.body.Operations[0].value
  const after = {
    ...before,
    resource: { ...before.resource, ...change },
    version: before.version + 1,
  }
  if (change.active !== false) {
    await users.replaceOne({ _id: before._id, version: before.version }, after)
  } else {
    after.active = false
    await client.withSession((session) =>
      session.withTransaction(
        async () => {
          const id = randomUUID()
          await users.replaceOne({ _id: before._id, version: before.version }, after, { session })
          await db.collection('offboardings').insertOne(
            {
              _id: id,
              user: before._id,
              subject: before.resource,
              openedAt: new Date(),
              expected: { count: 5, root: id },
            },
            { session },
          )
          await db.collection('revocations').insertMany(
            APPS.map((app) => ({
              _id: randomUUID(),
              offboarding: id,
              user: before._id,
              app,
              facet: 'account',
              generation: 1,
              class: 2,
              owners: ['owner@example.com'],
              state: 'due',
              attempts: 0,
              openedAt: 1,
              deadlineAt: 1,
              updatedAt: 1,
            })),
            { session },
          )
          await db.collection('lanes').bulkWrite(
            APPS.map((app) => ({
              replaceOne: {
                filter: { _id: `s/${before._id}/${app}`, rev: 0 },
                replacement: {
                  rev: 1,
                  app,
                  state: 'ready',
                  dueAt: 1,
                  priority: 2,
                  want: { generation: 1, op: 'revoke' },
                  fence: 0,
                },
                upsert: true,
              },
            })),
            { session },
          )
          await db
            .collection('case_keys')
            .insertOne({ _id: id, wrapped: randomBytes(60) }, { session })
          await db
            .collection('intake')
            .insertOne({ _id: `opened:${id}`, leaf: randomBytes(700) }, { session })
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    )
  }
  res.json(render(after))
})

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
