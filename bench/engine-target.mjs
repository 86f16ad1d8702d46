// Fast SCIM applications for bench/engine.mjs, in a process of their own: people found by name, read, disabled.
// node bench/engine-target.mjs <apps>; prints its ports. `{"reset": true}` on stdin forgets, `{"first": true}` tells
// when each (app, person) was first called: ms since the epoch.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

const apps = Array.from({ length: Number(process.argv[2]) }, () => ({
  disabled: new Set(),
  first: new Map(),
}))
const servers = apps.map((app) =>
  createServer((request, response) => {
    request.resume().on('end', () => {
      const url = decodeURIComponent(request.url)
      const person = /(p\d+)/.exec(url)?.[1] ?? 'p0'
      if (!app.first.has(person)) app.first.set(person, Date.now())
      if (request.method === 'PATCH') app.disabled.add(person)
      const user = {
        id: person,
        userName: `${person}@example.com`,
        active: !app.disabled.has(person),
      }
      const answer = url.includes('filter=') ? { totalResults: 1, Resources: [user] } : user
      response.setHeader('content-type', 'application/scim+json')
      response.end(JSON.stringify(answer))
    })
  }),
)
for (const server of servers) {
  server.keepAliveTimeout = 60_000
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
}
process.stdout.write(`${JSON.stringify(servers.map((server) => server.address().port))}\n`)

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  if (JSON.parse(line).reset) for (const app of apps) app.first.clear()
  else process.stdout.write(`${JSON.stringify(apps.map((app) => [...app.first]))}\n`)
})
lines.on('close', () => process.exit(0))
