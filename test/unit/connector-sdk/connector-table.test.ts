import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectorTable } from '../../../src/connector-sdk/connector-table.ts'
import { builtInConnectors, loadConnectors } from '../../../src/connector-sdk/load.ts'

const root = join(import.meta.dirname, '../../..')

test('docs/connectors.md, its table, is that of the manifests', async () => {
  const table = connectorTable([...(await loadConnectors()).values()])
  expect(readFileSync(join(root, 'docs/connectors.md'), 'utf8')).toContain(table)
})

test.each(builtInConnectors())(
  '%s, its README, says what is covered, what is not, what to grant',
  (name) => {
    const readme = readFileSync(join(root, 'connectors', name, 'README.md'), 'utf8')
    for (const heading of [
      '## What it covers',
      '## What it does not cover',
      '## Permissions to grant',
    ]) {
      expect(readme).toContain(heading)
    }
  },
)
