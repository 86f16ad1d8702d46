import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectorTable } from '../src/connector-sdk/connector-table.ts'
import { KIT_CASES } from '../src/connector-sdk/kit/kit.ts'
import { loadConnectors } from '../src/connector-sdk/load.ts'
import type { KitResult } from '../test/support/kit.ts'
import { type KitRecord, kitTable, recorded } from '../test/support/kit-table.ts'

/**
 * Writes the tables of docs/connectors.md: `npm run docs:connectors`. Reports of test runs, as vitest's JSON reporter
 * writes them, renew what is known of the connectors in them: `npm run docs:kit` makes one of all.
 */
const at = (path: string): string => join(import.meta.dirname, '..', path)
const RECORD = at('test/support/kit-results.json')
const DOCUMENT = at('docs/connectors.md')

interface Report {
  testResults: {
    assertionResults: { status: string; fullName: string; meta?: { kit?: KitResult } }[]
  }[]
}

let record = JSON.parse(await readFile(RECORD, 'utf8')) as KitRecord
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(await readFile(path, 'utf8')) as Report
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = tests.find(({ status, meta }) => meta?.kit !== undefined && status !== 'passed')
  if (failed !== undefined) throw new Error(`the kit does not hold: ${failed.fullName}`)
  record = recorded(
    record,
    tests.flatMap(({ meta }) => meta?.kit ?? []),
  )
}
await writeFile(RECORD, `${JSON.stringify(record, null, 2)}\n`)

const tables = {
  connectors: connectorTable([...(await loadConnectors()).values()]),
  kit: kitTable(record, KIT_CASES),
}
let text = await readFile(DOCUMENT, 'utf8')
for (const [name, table] of Object.entries(tables)) {
  const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
  text = text.replace(place, (_, open, close) => `${open}${table}${close}`)
}
await writeFile(DOCUMENT, text)
