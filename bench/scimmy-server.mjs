// The third side of bench/scim.mjs: scimmy with scimmy-routers, as published, on a Map in memory. It stores nothing durably.
// node bench/scimmy-server.mjs   → prints its port
import { randomUUID } from 'node:crypto'
import express from 'express'
import SCIMMY from 'scimmy'
import SCIMMYRouters from 'scimmy-routers'

/** By id, with an index by userName: an array would be searched from end to end by every filter. */
function store(nameOf) {
  const byId = new Map()
  const byName = new Map()
  return {
    egress(resource) {
      if (resource.id) {
        const found = byId.get(resource.id)
        if (found === undefined) throw new SCIMMY.Types.Error(404, null, 'not found')
        return found
      }
      const name = /^(?:userName|displayName) eq "([^"]*)"$/.exec(
        resource.filter?.expression ?? '',
      )?.[1]
      if (name !== undefined) {
        const found = byName.get(name.toLowerCase())
        return found === undefined ? [] : [found]
      }
      return [...byId.values()].slice(0, 100)
    },
    ingress(resource, data) {
      const before = resource.id === undefined ? undefined : byId.get(resource.id)
      const now = new Date().toISOString()
      const next = {
        ...JSON.parse(JSON.stringify(data)),
        id: resource.id ?? randomUUID(),
        meta: { created: before?.meta.created ?? now, lastModified: now },
      }
      byId.set(next.id, next)
      byName.set(nameOf(next).toLowerCase(), next)
      return next
    },
    degress(resource) {
      byId.delete(resource.id)
    },
  }
}

const users = store((user) => user.userName)
const groups = store((group) => group.displayName)
SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser))
  .ingress(users.ingress)
  .egress(users.egress)
  .degress(users.degress)
SCIMMY.Resources.declare(SCIMMY.Resources.Group)
  .ingress(groups.ingress)
  .egress(groups.egress)
  .degress(groups.degress)

const app = express()
// scimmy-routers writes numbers into `req.query`, a getter in Express 5.
app.use((req, _res, next) => {
  Object.defineProperty(req, 'query', { value: { ...req.query }, writable: true })
  next()
})
app.use(
  new SCIMMYRouters({
    type: 'bearer',
    handler: (req) => {
      if (req.headers.authorization !== 'Bearer scimmy') throw new Error('unknown token')
      return 'bench'
    },
  }),
)
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
