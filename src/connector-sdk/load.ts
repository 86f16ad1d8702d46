import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { HubError } from '../shared/errors.ts'
import type { Connector } from './contract.ts'

/** `connectors/` beside `src/`, in the sources as in `dist`. */
const FOLDER = join(import.meta.dirname, '../../connectors')
const INDEX = import.meta.url.endsWith('.ts') ? 'index.ts' : 'index.js'

/** Names of the connectors that come with the hub, sorted. */
export function builtInConnectors(): string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(FOLDER, entry.name, INDEX)))
    .map((entry) => entry.name)
    .sort()
}

/**
 * Loads connectors by name: folders of `connectors/`, or installed npm packages whose default export is a
 * connector. A package runs with the hub's rights: only the operator names it, never an app owner.
 *
 * @param names default: all that come with the hub
 * @returns by manifest id
 * @throws HubError ERR_CONFIG when one cannot be loaded, is no connector, or two have one id
 */
export async function loadConnectors({
  names = builtInConnectors(),
}: {
  names?: readonly string[]
} = {}): Promise<Map<string, Connector>> {
  const connectors = new Map<string, Connector>()
  for (const name of names) {
    const connector = await load(name)
    const { id } = connector.manifest
    if (connectors.has(id)) throw new HubError('ERR_CONFIG', `two connectors have the id ${id}`)
    connectors.set(id, connector)
  }
  return connectors
}

async function load(name: string): Promise<Connector> {
  const isBuiltIn = /^[a-z][a-z0-9-]*$/.test(name) && existsSync(join(FOLDER, name, INDEX))
  const specifier = isBuiltIn ? pathToFileURL(join(FOLDER, name, INDEX)).href : name
  let module: { default?: unknown }
  try {
    module = (await import(/* @vite-ignore */ specifier)) as { default?: unknown }
  } catch (error) {
    throw new HubError('ERR_CONFIG', `connector ${name} cannot be loaded`, { cause: error })
  }
  if (!isConnector(module.default)) {
    throw new HubError('ERR_CONFIG', `${name} has no connector as its default export`)
  }
  return module.default
}

function isConnector(value: unknown): value is Connector {
  const candidate = value as Partial<Connector> | undefined
  return (
    typeof candidate?.manifest?.id === 'string' &&
    typeof candidate.manifest.configSchema?.safeParse === 'function' &&
    Array.isArray(candidate.manifest.facets) &&
    (['test', 'correlate', 'list', 'revoke', 'observe'] as const).every(
      (method) => typeof candidate[method] === 'function',
    )
  )
}
