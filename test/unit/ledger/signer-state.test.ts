import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSignerStateFile } from '../../../src/ledger/signer-state.ts'
import { append, EMPTY_EDGE, edgeRoot } from '../../../src/ledger/tree.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quittance-signer-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const stateOf = (size: number, fill = 1) => {
  const { edge } = append(
    EMPTY_EDGE,
    Array.from({ length: size }, () => Buffer.alloc(32, fill)),
  )
  return { origin: 'log', edge, root: edgeRoot(edge) }
}

test('the memory of a signer, beside another signer that is further, is not written back', async () => {
  const path = join(dir, 'keys', 'signer-state.json')
  const [one, other] = [createSignerStateFile(path), createSignerStateFile(path)]
  await one.save(stateOf(5))
  await other.save(stateOf(9))
  await expect(one.save(stateOf(6))).rejects.toMatchObject({ code: 'ERR_LEDGER' })
  await expect(one.save(stateOf(9, 2))).rejects.toMatchObject({ code: 'ERR_LEDGER' })
  expect((await one.load())?.edge.size).toBe(9)
  await one.save(stateOf(9))
  await one.save(stateOf(10))
  expect((await other.load())?.edge.size).toBe(10)
})
