import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectorTable } from '../../../src/connector-sdk/connector-table.ts'
import { KIT_CASES } from '../../../src/connector-sdk/kit/kit.ts'
import { builtInConnectors, loadConnectors } from '../../../src/connector-sdk/load.ts'
import kitResultsJson from '../../support/kit-results.json' with { type: 'json' }
import { type KitRecord, kitTable } from '../../support/kit-table.ts'

const root = join(import.meta.dirname, '../../..')
const kitResults: KitRecord = kitResultsJson

test('docs/connectors.md, its table, is that of the manifests', async () => {
  const table = connectorTable([...(await loadConnectors()).values()])
  expect(readFileSync(join(root, 'docs/connectors.md'), 'utf8')).toContain(table)
})

test('docs/connectors.md, its results of the kit, are of the present connectors and cases', () => {
  const text = readFileSync(join(root, 'docs/connectors.md'), 'utf8')
  expect(text).toContain(kitTable(kitResults, KIT_CASES))
  // By hand there is nothing to try.
  expect(['manual', ...Object.keys(kitResults)].sort()).toEqual(builtInConnectors())
  for (const { cases } of Object.values(kitResults)) {
    expect(Object.keys(cases).filter((name) => !KIT_CASES.includes(name))).toEqual([])
    expect(KIT_CASES.filter((name) => !(name in cases))).toEqual([])
  }
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
