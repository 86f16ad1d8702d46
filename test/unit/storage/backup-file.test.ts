import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readBackup, writeBackup } from '../../../src/storage/backup-file.ts'

const dir = await mkdtemp(join(tmpdir(), 'quittance-backup-'))
afterAll(() => rm(dir, { recursive: true }))

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

test('backup, names with every kind of line end and longer than a piece, are read as they were written', async () => {
  const file = join(dir, 'backup.gz')
  const header = {
    format: 'quittance-backup',
    version: 1,
    software: 'quittance@test',
    at: '2026-01-01T00:00:00.000Z',
    clusterTime: '1.1',
    masterKeys: [],
    ledgerOrigin: 'test/ledger',
  } as const
  const names = ['a\u2028b', 'a\u2029b', 'a\u0085b', 'a\r\nb', 'a\rb\n', 'ü'.repeat(300_000), '']
  const rows = names.map((name, _id) => ({ _id, name }))
  await writeBackup(file, () => header, [
    { name: 'users', rows: each(rows) },
    { name: 'empty', rows: each([]) },
  ])
  const read = []
  for await (const one of readBackup(file, { exact: false })) read.push(one)
  expect(read).toEqual(rows.map((row) => ({ collection: 'users', row })))
})
