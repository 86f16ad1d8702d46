import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConnectors } from '../../../src/connector-sdk/load.ts'

test('loadConnectors, no names, loads every folder by its manifest id', async () => {
  const connectors = await loadConnectors()
  const folders = readdirSync(join(import.meta.dirname, '../../../connectors')).sort()
  expect(folders).toContain('scim')
  expect([...connectors.keys()]).toEqual(folders)
})

test.each([
  ['a package that is not installed', ['no-such-connector-package']],
  ['a package that is no connector', ['uuid']],
  ['the same twice', ['scim', 'scim']],
  ['a path', ['../src/main']],
])('loadConnectors, %s, is a configuration error', async (_, names) => {
  await expect(loadConnectors({ names })).rejects.toMatchObject({ code: 'ERR_CONFIG' })
})
