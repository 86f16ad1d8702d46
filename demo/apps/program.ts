import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Seed } from './accounts.ts'

/** Listens on 127.0.0.1; port 0 (the default) takes a free one. */
export async function listen(server: Server, port = 0): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return `http://127.0.0.1:${address.port}`
}

/** Stops at once, open connections included. */
export async function stop(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}

/**
 * Runs `start` when `moduleUrl` is the program that node was asked to run: `--port N` chooses the port,
 * `--accounts FILE` names a JSON list of seeds, one line of JSON on stdout tells the address, SIGINT and SIGTERM end it.
 */
export async function runAsProgram(
  moduleUrl: string,
  start: (options: {
    port: number
    accounts?: readonly Seed[]
  }) => Promise<{ url: string; close(): Promise<void> }>,
): Promise<void> {
  if (process.argv[1] !== fileURLToPath(moduleUrl)) return
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, accounts: { type: 'string' } },
  })
  const accounts = values.accounts && (JSON.parse(readFileSync(values.accounts, 'utf8')) as Seed[])
  const app = await start({ port: Number(values.port), ...(accounts ? { accounts } : {}) })
  process.stdout.write(`${JSON.stringify({ url: app.url })}\n`)
  const end = (): void => {
    app.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
}
