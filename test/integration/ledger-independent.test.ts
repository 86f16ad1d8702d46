import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatCheckpoint } from '../../src/ledger/checkpoint.ts'
import { exportLog } from '../../src/ledger/export.ts'
import { fsck } from '../../src/ledger/fsck.ts'
import {
  createNoteSigner,
  ED25519,
  formatNote,
  formatVkey,
  parseVkey,
  signText,
} from '../../src/ledger/note.ts'
import { consistencyProof, inclusionProof, type ReadTile } from '../../src/ledger/proofs.ts'
import { encodeBundle, tileFromEdge } from '../../src/ledger/tiles.ts'
import { formatTlogProof } from '../../src/ledger/tlog-proof.ts'
import { pathSource, readerSource } from '../../src/ledger/tlog-source.ts'
import {
  append,
  EMPTY_EDGE,
  edgeRoot,
  HASH_SIZE,
  leafHash,
  type RightEdge,
} from '../../src/ledger/tree.ts'
import { freshDatabase } from '../support/database.ts'
import { ledgerOn, verifiedEntry } from '../support/ledger.ts'

/**
 * Node writes, Go verifies: the verifier in test/independent stands on golang.org/x/mod/sumdb, which shares
 * nothing with this code. Needs Debian's golang-go and golang-golang-x-mod-dev.
 */
const run = promisify(execFile)
const SOURCE = join(import.meta.dirname, '../independent/tlogcheck.go')
const GO_ENV = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' }
const hasGo = await run('go', ['version'], { env: GO_ENV }).then(
  () => true,
  () => false,
)
const required = process.env['REQUIRE_SERVICES'] !== undefined

const signer = createNoteSigner('ledger.example.com/go', ED25519, Buffer.alloc(32, 7))
const vkey = formatVkey(signer.verifier)
let directory: string
let tool: string

async function tlogcheck(...args: string[]): Promise<{ ok: boolean; said: string }> {
  try {
    const { stdout } = await run(tool, args)
    return { ok: true, said: stdout }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    // 1 is the verifier's own "not verified"; anything else is a broken test.
    if (code !== 1) throw error
    return { ok: false, said: stderr }
  }
}

const entry = (i: number): Buffer => Buffer.from(`{"entry":${i},"x":"${'y'.repeat(i % 50)}"}`)

/** A log of `size` small entries in memory, signed. */
function logOf(size: number) {
  const leaves = Array.from({ length: size }, (_, i) => entry(i))
  const full = new Map<string, Buffer>()
  let edge: RightEdge = EMPTY_EDGE
  for (let at = 0; at < size; at += 1_000) {
    const step = append(edge, leaves.slice(at, at + 1_000).map(leafHash))
    edge = step.edge
    for (const tile of step.tiles) full.set(`${tile.level}/${tile.index}`, tile.bytes)
  }
  const text = formatCheckpoint({ origin: signer.verifier.name, size, root: edgeRoot(edge) })
  const note = formatNote({ text, signatures: [signText(text, signer)] })
  const readTile: ReadTile = async (id) => {
    const bytes = full.get(`${id.level}/${id.index}`) ?? tileFromEdge(edge, id)
    return (bytes ?? Buffer.alloc(0)).subarray(0, id.width * HASH_SIZE)
  }
  return { leaves, note, readTile }
}

const writeTo =
  (root: string) =>
  async (path: string, bytes: Buffer): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), bytes)
  }

async function exported(size: number): Promise<string> {
  const { leaves, note, readTile } = logOf(size)
  const root = await mkdtemp(join(directory, `log-${size}-`))
  await exportLog(
    {
      checkpoint: async () => note,
      tile: async (id) => Buffer.from(await readTile(id)),
      bundle: async (index, width) => encodeBundle(leaves.slice(index * 256, index * 256 + width)),
    },
    writeTo(root),
  )
  return root
}

test.runIf(required)('Go, where services are required, is installed', () => {
  expect(hasGo).toBe(true)
})

describe.runIf(hasGo)('an independent verifier', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quittance-go-'))
    tool = join(directory, 'tlogcheck')
    const env = { ...GO_ENV, GOCACHE: join(tmpdir(), 'quittance-go-cache') }
    await run('go', ['build', '-o', tool, SOURCE], { env })
  }, 300_000)
  afterAll(() => rm(directory, { recursive: true, force: true }))

  test.each([0, 1, 255, 256, 257, 70_000])(
    'accepts a whole log of %i entries',
    async (size) => {
      const checked = await tlogcheck('fsck', vkey, await exported(size))
      expect(checked).toMatchObject({
        ok: true,
        said: expect.stringContaining(`VERIFIED ${size} `),
      })
    },
    120_000,
  )

  test('a log, with one byte flipped in a tile or an entry, is refused', async () => {
    const root = await exported(300)
    for (const path of ['tile/0/000', 'tile/0/001.p/44', 'tile/entries/000', 'checkpoint']) {
      const file = join(root, path)
      const bytes = await readFile(file)
      const flipped = Buffer.from(bytes)
      const at = path === 'checkpoint' ? 30 : 40
      flipped[at] = (flipped[at] as number) ^ 1
      await writeFile(file, flipped)
      expect(await tlogcheck('fsck', vkey, root), path).toMatchObject({ ok: false })
      await writeFile(file, bytes)
    }
    expect(await tlogcheck('fsck', vkey, root)).toMatchObject({ ok: true })
  })

  test('inclusion proofs, at the edges of tiles, are accepted, and of another entry refused', async () => {
    const { note, readTile } = logOf(70_000)
    const leafFile = join(directory, 'leaf')
    const proofFile = join(directory, 'proof')
    for (const index of [0, 255, 256, 65_535, 65_536, 69_999]) {
      const proof = await inclusionProof(index, 70_000, readTile)
      await writeFile(proofFile, formatTlogProof({ index, proof, checkpoint: note }))
      await writeFile(leafFile, entry(index))
      expect(await tlogcheck('proof', vkey, leafFile, proofFile)).toMatchObject({ ok: true })
      await writeFile(leafFile, entry(index + 1))
      expect(await tlogcheck('proof', vkey, leafFile, proofFile)).toMatchObject({ ok: false })
    }
  })

  test('consistency, of any two sizes, is accepted, and of a shorter log refused', async () => {
    const sizes = [1, 255, 256, 257, 1_000, 4_096]
    const [oldFile, newFile, proofFile] = ['old', 'new', 'proof'].map((f) => join(directory, f))
    for (const oldSize of sizes) {
      for (const size of sizes.filter((n) => n >= oldSize)) {
        const whole = logOf(size)
        const proof = await consistencyProof(oldSize, size, whole.readTile)
        await writeFile(oldFile!, logOf(oldSize).note)
        await writeFile(newFile!, whole.note)
        await writeFile(proofFile!, proof.map((hash) => `${hash.toString('base64')}\n`).join(''))
        const args = ['consistency', vkey, oldFile!, newFile!, proofFile!]
        expect(await tlogcheck(...args), `${oldSize} to ${size}`).toMatchObject({ ok: true })
        if (oldSize === size) continue
        const back = await tlogcheck('consistency', vkey, newFile!, oldFile!, proofFile!)
        expect(back).toMatchObject({ ok: false, said: expect.stringContaining('ROLLBACK') })
      }
    }
  })

  test('the log of a database, exported, is accepted here and there', async () => {
    const db = await freshDatabase()
    try {
      const it = await ledgerOn(db.connection)
      const names = Array.from({ length: 600 }, (_, i) => `r${i}`)
      await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
      await it.settle()
      const root = await mkdtemp(join(directory, 'db-'))
      expect(await exportLog(readerSource(it.reader), writeTo(root))).toBe(605)
      const key = it.ledger.verifierKeys.log
      expect(await tlogcheck('fsck', key, root)).toMatchObject({ ok: true })
      await it.cleanUp()
    } finally {
      await db.dispose()
    }
  })
})

test('fsck, of a sound and of a damaged log, names each damaged part', async () => {
  const db = await freshDatabase()
  try {
    const it = await ledgerOn(db.connection)
    const names = Array.from({ length: 600 }, (_, i) => `r${i}`)
    await it.enqueue(names.map((name) => verifiedEntry(it.writer, name)))
    await it.settle()
    const files = new Map<string, Buffer>()
    await exportLog(readerSource(it.reader), async (path, bytes) => {
      files.set(path, bytes)
    })
    const keys = [parseVkey(it.ledger.verifierKeys.log)!]
    const check = (changes: Record<string, (bytes: Buffer) => Buffer | undefined> = {}) => {
      const copy = new Map(files)
      for (const [path, change] of Object.entries(changes)) {
        const bytes = change(Buffer.from(copy.get(path)!))
        if (bytes === undefined) copy.delete(path)
        else copy.set(path, bytes)
      }
      return fsck(
        pathSource(async (path) => copy.get(path) ?? null),
        keys,
      )
    }
    const flip =
      (at: number) =>
      (bytes: Buffer): Buffer => {
        bytes[at] = (bytes[at] as number) ^ 1
        return bytes
      }
    expect(await check()).toMatchObject({ size: 605, faults: [] })
    const tile = await check({ 'tile/0/001': flip(32 * 3) })
    expect(tile.faults).toEqual(['entry 259 differs from its tile'])
    const entries = await check({ 'tile/entries/001': flip(700) })
    expect(entries.faults.join()).toMatch(/entry 25\d .*root of the checkpoint/)
    const upper = await check({ 'tile/1/000.p/2': flip(0) })
    expect(upper.faults).toEqual(['tile/1/000.p/2 differs from the entries'])
    const gone = await check({ 'tile/entries/002.p/93': () => undefined })
    expect(gone.faults[0]).toBe('the entries from 512 are missing or damaged')
    const note = await check({ checkpoint: flip(25) })
    expect(note.faults).toHaveLength(1)
    await it.cleanUp()
  } finally {
    await db.dispose()
  }
})
