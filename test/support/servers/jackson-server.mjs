// SAML Jackson (Ory Polis) as an application would run it: its directory sync answers SCIM requests over express.
import { createRequire } from 'node:module'
import express from 'express'

/** Where the package is installed, with a slash at the end. */
const [, , folder] = process.argv
const { controllers } = createRequire(folder)('@boxyhq/saml-jackson')

const app = express()
const server = app.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const origin = `http://127.0.0.1:${server.address().port}`
const { directorySyncController } = await controllers({
  externalUrl: origin,
  samlPath: '/sso',
  scimPath: '/scim',
  db: { engine: 'mem' },
  noAnalytics: true,
})
const { directories, users, groups, requests } = directorySyncController
/** Directory → what the application behind it was told. */
const told = new Map()

app.use(express.json({ type: ['application/json', 'application/scim+json'] }))

// As pages/api/scim of Polis hands requests on.
app.all(['/scim/:directory/:kind', '/scim/:directory/:kind/:id'], async (req, res) => {
  const { count, startIndex, filter } = req.query
  const number = (text) => (text ? Number.parseInt(text, 10) : undefined)
  const { status, data } = await requests.handle(
    {
      method: req.method,
      body: req.body,
      directoryId: req.params.directory,
      resourceType: req.params.kind,
      resourceId: req.params.id,
      apiSecret: req.get('authorization')?.split(' ')[1],
      query: { count: number(count), startIndex: number(startIndex), filter },
    },
    async (event) => void told.get(event.directory_id)?.push(event),
  )
  res.status(status).json(data)
})

// What its owner does, by its own interface of functions.
app.post('/directories', async (req, res) => {
  const { data, error } = await directories.create({ product: 'app', ...req.body })
  if (data) told.set(data.id, [])
  res.status(error ? 500 : 201).json(data ?? error)
})
app.patch('/directories/:id', async (req, res) => {
  const { data, error } = await directories.update(req.params.id, req.body)
  res.status(error ? 500 : 200).json(data ?? error)
})
app.get('/directories/:id/inside', async (req, res) => {
  const { data: directory } = await directories.get(req.params.id)
  const { tenant, product } = directory
  const own = { directoryId: directory.id, pageOffset: 0, pageLimit: 50 }
  const inUsers = await users.setTenantAndProduct(tenant, product).getAll(own)
  const inGroups = groups.setTenantAndProduct(tenant, product)
  const { data: all } = await inGroups.getAll(own)
  const members = []
  for (const { id } of all) {
    const { data } = await inGroups.getGroupMembers({ groupId: id })
    members.push(...data)
  }
  res.json({ users: inUsers.data, members, told: told.get(directory.id) })
})

console.log(`ready ${origin}`)
