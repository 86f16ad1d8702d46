// One hub process for bench/engine.mjs, compiled as operators run it: as main.ts, with the bench's connector. Prints
// its address when it is ready.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createHub } from '../dist/src/composition/hub.js'
import { loadConfig } from '../dist/src/config/config.js'
import { connect } from '../dist/src/storage/connection.js'
import { createLog } from '../dist/src/telemetry/log.js'

const config = loadConfig(process.env)
const connector = fileURLToPath(new URL('engine-connector.mjs', import.meta.url))
const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const publicUrl = `http://127.0.0.1:${server.address().port}`
const connection = await connect(config.mongodbUri, config.mongodbDb)
const hub = await createHub({
  config: { ...config, connectors: [connector] },
  connection,
  secrets: { masterKey: config.masterKey, adminToken: config.adminToken },
  publicUrl,
  log: createLog({ level: config.logLevel }),
})
server.on('request', hub.app)
hub.start()
process.stdout.write(`${publicUrl}\n`)
process.stdin
  .on('end', async () => {
    server.closeAllConnections()
    server.close()
    await hub.stop()
    await connection.close()
    process.exit(0)
  })
  .resume()
