import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, inject, test } from 'vitest'
import { createHubClient } from '../support/client.ts'
import { eventually } from '../support/eventually.ts'
import { startHubProcess } from '../support/hub-process.ts'

const folder = await mkdtemp(join(tmpdir(), 'quittance-process-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
/** For one hub; tests run side by side. */
const newDataDir = () => mkdtemp(join(folder, 'data-'))

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test.concurrent('the hub, on an empty folder, tells what is next, stops within 10 s, and continues at the next start', async ({
  expect,
}) => {
  const dataDir = await newDataDir()
  const first = await startHubProcess({ DATA_DIR: dataDir })
  const text = first.output.join('\n')
  const token =
    /qtc_admin_[\w-]+/.exec(
      await eventually(
        'greeting',
        () => first.output.join('\n').includes('admin token') && first.output.join('\n'),
      ),
    )?.[0] ?? ''
  expect(text).toContain(first.origin)
  expect(await readFile(join(dataDir, 'admin-token'), 'utf8')).toBe(`${token}\n`)
  expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600)
  await createHubClient(first.origin, token).createSource('kept')
  const mongod = Number(await readFile(join(dataDir, 'db', 'mongod.lock'), 'utf8'))

  const began = Date.now()
  expect(await first.terminate()).toBe(0)
  expect(Date.now() - began).toBeLessThan(10_000)
  expect(isAlive(mongod)).toBe(false)

  const second = await startHubProcess({ DATA_DIR: dataDir })
  try {
    const greeting = await eventually('greeting', () =>
      second.output.find((line) => line.includes('admin token')),
    )
    expect(greeting).not.toContain(token)
    const { items } = await createHubClient(second.origin, token).api<{ items: { id: string }[] }>(
      'GET',
      '/sources',
    )
    expect(items.map((source) => source.id)).toEqual(['kept'])

    await expect(startHubProcess({ DATA_DIR: dataDir })).rejects.toThrow(
      `another hub (process ${second.pid}) holds`,
    )
  } finally {
    await second.killNine()
  }

  // mongod outlives a kill -9 of the hub for a moment; the next start waits for it and goes on.
  const third = await startHubProcess({ DATA_DIR: dataDir })
  expect((await fetch(`${third.origin}/readyz`)).status).toBe(200)
  expect(await third.terminate()).toBe(0)
}, 300_000)

test.concurrent('the hub, with several faults in its environment, names all of them and ends with 1', async ({
  expect,
}) => {
  const dataDir = await newDataDir()
  await expect(
    startHubProcess({ DATA_DIR: dataDir, PORT: 'many', ROLE: 'king', LOG_LEVEL: 'loud' }),
  ).rejects.toThrow(/ended with 1:[\s\S]*PORT[\s\S]*LOG_LEVEL[\s\S]*ROLE/)
})

test.concurrent('the hub, on a port that is taken, says so and ends with 1', async ({ expect }) => {
  const dataDir = await newDataDir()
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    await expect(startHubProcess({ DATA_DIR: dataDir, PORT: String(port) })).rejects.toThrow(
      `port ${port} is taken`,
    )
  } finally {
    await new Promise((resolve) => taken.close(resolve))
  }
})

test.concurrent('the hub, on the database of another master key, refuses and changes nothing', async ({
  expect,
}) => {
  const dataDir = await newDataDir()
  const env = {
    MONGODB_URI: inject('mongodbUri'),
    MONGODB_DB: `t_key_${process.pid}`,
    ADMIN_TOKEN: 'admin-token-of-the-master-key-test-001',
    DATA_DIR: dataDir,
  }
  const right = { ...env, MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }
  const hub = await startHubProcess(right)
  expect(await hub.terminate()).toBe(0)
  await expect(
    startHubProcess({ ...env, MASTER_KEY: Buffer.alloc(32, 2).toString('base64') }),
  ).rejects.toThrow(/ended with 1:[\s\S]*master key/i)
})
