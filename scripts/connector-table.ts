import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connectorTable } from '../src/connector-sdk/connector-table.ts'
import { loadConnectors } from '../src/connector-sdk/load.ts'

/** Writes the table of connectors into docs/connectors.md: `node --conditions=hub-source --import tsx scripts/connector-table.ts` */
const path = join(import.meta.dirname, '../docs/connectors.md')
const text = await readFile(path, 'utf8')
const table = connectorTable([...(await loadConnectors()).values()])
await writeFile(
  path,
  text.replace(/(<!-- connectors -->\n)[\s\S]*?(<!-- \/connectors -->)/, `$1${table}$2`),
)
