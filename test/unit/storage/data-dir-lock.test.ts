import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDataDir } from '../../../src/storage/data-dir-lock.ts'
import { eventually } from '../../support/eventually.ts'

const beatMs = 20
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quittance-lock-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const held = { code: 'ERR_DATA_DIR_IN_USE' }

test('the lock of a data folder, held by a process here, is refused until it is given back', async () => {
  const unlock = await lockDataDir(dir, { beatMs })
  await expect(lockDataDir(dir, { beatMs })).rejects.toMatchObject(held)
  await unlock()
  await (await lockDataDir(dir, { beatMs }))()
  expect(await readdir(dir)).toEqual([])
})

test('the lock of a data folder, held by the same pid in another container, is refused while it beats', async () => {
  const unlock = await lockDataDir(dir, { beatMs, machine: 'boot/pid:[1]' })
  const other = { beatMs, machine: 'boot/pid:[2]' }
  await expect(lockDataDir(dir, other)).rejects.toMatchObject(held)
  await unlock()
})

test('the lock of a data folder, left by a dead container, is taken over after five silent beats', async () => {
  // The very words that a living process here would have: they say nothing across containers.
  const unlock = await lockDataDir(dir, { beatMs, machine: 'boot/pid:[1]' })
  const left = await readFile(join(dir, 'hub.lock'), 'utf8')
  await unlock()
  await writeFile(join(dir, 'hub.lock'), left)
  const taken = await lockDataDir(dir, { beatMs, machine: 'boot/pid:[2]' })
  expect(await readFile(join(dir, 'hub.lock'), 'utf8')).toContain('pid:[2]')
  await taken()
})

test('the lock of a data folder, left by a dead process here, is taken over at once', async () => {
  await writeFile(join(dir, 'hub.lock'), '1 0 boot/pid:[1] 00\n')
  const hour = { beatMs: 3_600_000, machine: 'boot/pid:[1]' }
  await (await lockDataDir(dir, hour))()
})

test('the holder of a data folder, whose lock is somebody else’s now, is told and leaves that one alone', async () => {
  let lost = false
  const onLost = (): void => {
    lost = true
  }
  const unlock = await lockDataDir(dir, { beatMs, onLost })
  await writeFile(join(dir, 'hub.lock'), 'somebody else\n')
  await eventually('it is told', () => lost)
  await unlock()
  expect(await readdir(dir)).toEqual(['hub.lock'])
})

test('the holder of a data folder, whose lock somebody deleted, puts it back and goes on', async () => {
  let lost = false
  const onLost = (): void => {
    lost = true
  }
  const unlock = await lockDataDir(dir, { beatMs, onLost })
  await rm(join(dir, 'hub.lock'))
  await eventually('it is back', async () => (await readdir(dir)).includes('hub.lock'))
  await expect(lockDataDir(dir, { beatMs })).rejects.toMatchObject(held)
  expect(lost).toBe(false)
  await unlock()
})
