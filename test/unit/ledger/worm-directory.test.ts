import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WormStore } from '../../../src/ledger/worm.ts'
import { createWormDirectory } from '../../../src/ledger/worm-directory.ts'

let root: string
let worm: WormStore
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'quittance-worm-'))
  worm = createWormDirectory(root)
})
afterEach(() => rm(root, { recursive: true, force: true }))

describe('a write-once directory', () => {
  test('a name, once given, keeps its bytes, whole and read-only', async () => {
    expect(await worm.putIfAbsent('tile/0/000', Buffer.from('a'))).toBe('stored')
    expect(await worm.putIfAbsent('tile/0/000', Buffer.from('a'))).toBe('present')
    expect(await worm.putIfAbsent('tile/0/000', Buffer.from('b'))).toBe('other')
    expect((await worm.get('tile/0/000'))?.toString()).toBe('a')
    expect((await stat(join(root, 'tile/0/000'))).mode & 0o777).toBe(0o444)
    expect(await readdir(join(root, 'tile/0'))).toEqual(['000'])
  })

  test('two writers of one name, other bytes each, agree on one of them', async () => {
    const all = await Promise.all(
      ['a', 'b', 'c', 'd'].map((text) => worm.putIfAbsent('x', Buffer.from(text))),
    )
    expect(all.filter((outcome) => outcome === 'stored')).toHaveLength(1)
    expect(all.filter((outcome) => outcome === 'other')).toHaveLength(3)
  })

  test('a folder that is not there, is an error and is not made', async () => {
    const absent = createWormDirectory(join(root, 'not-mounted'))
    await expect(absent.get('x')).rejects.toThrow('ENOENT')
    await expect(absent.list('checkpoint')).rejects.toThrow('ENOENT')
    await expect(absent.putIfAbsent('x', Buffer.from('a'))).rejects.toThrow('ENOENT')
    await expect(stat(join(root, 'not-mounted'))).rejects.toThrow('ENOENT')
  })
})
