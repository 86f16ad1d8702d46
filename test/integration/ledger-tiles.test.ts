import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createApiClient } from '../../src/cli/api-client.ts'
import { exportTo, hubSource, sourceOf } from '../../src/cli/ledger-export.ts'
import { createProgram } from '../../src/cli/program.ts'
import { SILENT } from '../../src/cli/progress.ts'
import { openCheckpoint } from '../../src/ledger/checkpoint.ts'
import { workerKey } from '../../src/ledger/keys.ts'
import { createEntryWriter } from '../../src/ledger/leaf.ts'
import { parseVkey } from '../../src/ledger/note.ts'
import { decodeBundle } from '../../src/ledger/tiles.ts'
import { leafHash } from '../../src/ledger/tree.ts'
import { createLedgerIntake } from '../../src/storage/ledger-store.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { ADMIN_TOKEN, startHub, type TestHub } from '../support/hub.ts'
import { verifiedEntry } from '../support/ledger.ts'

/** A first start seals five entries. */
const SIZE = 5 + 600
const METRICS = 'm'.repeat(40)

let hub: TestHub
let directory: string
beforeAll(async () => {
  hub = await startHub({ METRICS_TOKEN: METRICS })
  directory = await mkdtemp(join(tmpdir(), 'quittance-tiles-'))
  const { kid, privateKey } = workerKey(Buffer.alloc(32, 7))
  const writer = createEntryWriter({ origin: 'quittance.local/ledger', kid, privateKey })
  const entries = Array.from({ length: 600 }, (_, i) => verifiedEntry(writer, `r${i}`))
  const intake = createLedgerIntake(hub.database.connection)
  await createTransactor(hub.database.connection).transaction((tx) => intake.enqueue(entries, tx))
  await vi.waitFor(
    async () => expect(await (await get('/ledger/checkpoint')).text()).toContain(`\n${SIZE}\n`),
    { timeout: 20_000, interval: 100 },
  )
})
afterAll(async () => {
  await hub.stop()
  await rm(directory, { recursive: true, force: true })
})

const get = (path: string, token: string | undefined = ADMIN_TOKEN): Promise<Response> =>
  fetch(hub.client.origin + path, {
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
  })
const api = () =>
  createApiClient({ QUITTANCE_URL: hub.client.origin, QUITTANCE_TOKEN: ADMIN_TOKEN })

/** Runs `quittance …` in this process. */
async function quittance(...args: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  let code = 0
  const output = {
    json: false,
    styled: false,
    write: (part: string) => {
      text += part
      return true
    },
  }
  const program = createProgram(() => ({
    api: api(),
    output,
    env: process.env,
    progress: SILENT,
    setExitCode: (given) => {
      code = given
    },
  }))
  await program.parseAsync(args, { from: 'user' })
  return { code, text }
}

test('the checkpoint, asked for, is a signed note in plain text that nobody keeps', async () => {
  const response = await get('/ledger/checkpoint')
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const opened = openCheckpoint(await response.text(), [parseVkey(hub.vkey)!])
  expect(opened.kind === 'verified' && opened.checkpoint.size).toBe(SIZE)
})

test('tiles and entries, full and partial, agree and may be kept for ever', async () => {
  for (const [index, width, suffix] of [
    [0, 256, '000'],
    [2, 93, '002.p/93'],
    [2, 7, '002.p/7'],
  ] as const) {
    const hashes = await get(`/ledger/tile/0/${suffix}`)
    const bundle = await get(`/ledger/tile/entries/${suffix}`)
    for (const response of [hashes, bundle]) {
      expect(response.status, `${index}`).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/octet-stream')
      expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    }
    const tile = Buffer.from(await hashes.arrayBuffer())
    const leaves = decodeBundle(Buffer.from(await bundle.arrayBuffer()))
    expect(tile).toHaveLength(width * 32)
    expect(Buffer.concat(leaves.map(leafHash)).equals(tile)).toBe(true)
  }
})

test.each([
  '/ledger/tile/0/002',
  '/ledger/tile/0/002.p/94',
  '/ledger/tile/0/002.p/0',
  '/ledger/tile/0/002.p/256',
  '/ledger/tile/0/2',
  '/ledger/tile/00/000',
  '/ledger/tile/0/000/',
  '/ledger/tile/0/x000/000',
  '/ledger/tile/1/001',
  '/ledger/tile/64/000',
  '/ledger/tile/entries/003',
  '/ledger/tile/entries/..%2f..%2fcheckpoint',
  '/ledger/tile/%E0%A4',
  '/ledger/tile/0/x999/x999/x999/x999/x999/999',
  '/ledger/checkpoint/',
  '/ledger/Checkpoint',
  '/ledger',
])('%s, no part of the published log, is not found and the answer is not kept', async (path) => {
  const response = await get(path)
  expect(response.status).toBe(404)
  expect(response.headers.get('cache-control')).toBe('no-store')
})

test('without a token, or with one for metrics only, nothing is shown', async () => {
  for (const path of ['/ledger/checkpoint', '/ledger/tile/0/000', '/ledger/tile/entries/000']) {
    expect((await get(path, '')).status).toBe(401)
    expect((await get(path, 'x'.repeat(40))).status).toBe(401)
    expect((await get(path, METRICS)).status).toBe(403)
  }
  const put = await fetch(`${hub.client.origin}/ledger/checkpoint`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  })
  expect(put.status).toBe(405)
  expect(put.headers.get('allow')).toBe('GET, HEAD')
})

test('an export, checked offline and over HTTP, is sound; damaged, it is named', async () => {
  const to = join(directory, 'copy')
  expect((await quittance('ledger', 'export', to)).text).toContain(`${SIZE} entries are in`)
  const sound = await quittance('ledger', 'fsck', to, '--key', hub.vkey)
  expect(sound).toMatchObject({ code: 0, text: expect.stringContaining(`Sound: ${SIZE} entries`) })
  const remote = `${hub.client.origin}/ledger`
  expect((await quittance('ledger', 'fsck', remote, '--key', hub.vkey)).code).toBe(0)

  const tile = join(to, 'tile/0/001')
  const bytes = await readFile(tile)
  bytes[5] = (bytes[5] as number) ^ 1
  await writeFile(tile, bytes)
  const damaged = await quittance('ledger', 'fsck', to, '--key', hub.vkey)
  expect(damaged).toMatchObject({ code: 1, text: expect.stringContaining('entry 256 differs') })
})

test('an export, repeated, reads only what is new', async () => {
  const to = join(directory, 'again')
  const source = hubSource(api())
  await exportTo(to, source)
  const read: string[] = []
  await exportTo(to, {
    checkpoint: source.checkpoint,
    tile: (tile) => {
      read.push(`${tile.level}/${tile.index}/${tile.width}`)
      return source.tile(tile)
    },
    bundle: source.bundle,
  })
  expect(read).toEqual(['0/2/93', '1/0/2'])
})

test("a log at another address, read, is not shown the hub's token", async () => {
  const seen: (string | null)[] = []
  const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation(async (_url, init) => {
    seen.push(new Headers(init?.headers).get('authorization'))
    return new Response(null, { status: 404 })
  })
  expect(await sourceOf('https://elsewhere.example/ledger', api()).checkpoint()).toBeNull()
  fetched.mockRestore()
  expect(seen).toEqual([null])
})

test('the monitor, over a log that grows, keeps its checkpoint', async () => {
  const state = join(directory, 'state')
  const monitor = ['ledger', 'monitor', '--key', hub.vkey, '--state', state]
  expect((await quittance(...monitor)).text).toContain('Kept the first checkpoint')
  expect((await quittance(...monitor)).text).toContain('The same log, still')
})

// The last one: the log grows by the tokens that it makes.
const PARTS = ['/ledger/checkpoint', '/ledger/tile/0/002.p/7', '/ledger/tile/1/000.p/2'] as const
const HASHES = ['/api/v1/ledger/checkpoint', '/api/v1/ledger/proofs/0'] as const

test.each([
  ['admin', 200, 200],
  ['auditor', 200, 200],
  ['operator', 200, 403],
  ['owner', 200, 403],
  ['viewer', 403, 403],
] as const)(
  'the log, read as %s, gives hashes (%i) and entries (%i) as tiles and one by one alike',
  async (role, hashes, entries) => {
    const owner = role === 'owner' ? { ownerName: 'ann@example.com' } : {}
    const body = { name: role, role, ...owner }
    const { token } = await hub.client.api<{ token: string }>('POST', '/tokens', body)
    const statuses = async (paths: readonly string[]): Promise<number[]> =>
      await Promise.all(paths.map(async (path) => (await get(path, token)).status))
    expect(await statuses([...PARTS, ...HASHES])).toEqual(Array(5).fill(hashes))
    const bundles = ['/ledger/tile/entries/000', '/ledger/tile/entries/002.p/7']
    expect(await statuses(['/api/v1/ledger/entries/0', ...bundles])).toEqual(Array(3).fill(entries))
  },
)
