// A fast application for bench/engine.mjs, in a process of its own: accounts found by name, read, disabled.
// node bench/engine-target.mjs <accounts>; prints its port.
import { createServer } from 'node:http'

const active = new Array(Number(process.argv[2])).fill(true)
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    const n = Number(/(\d+)(?:@|$)/.exec(decodeURIComponent(request.url))[1])
    if (request.method === 'PATCH') active[n] = JSON.parse(body).active
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ id: `a${n}`, active: active[n] }))
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
process.stdin.on('end', () => process.exit(0)).resume()
