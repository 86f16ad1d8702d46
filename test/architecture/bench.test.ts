import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Benchmarks are plain JavaScript and no test runs them: without this a renamed export breaks them unnoticed.
const root = join(import.meta.dirname, '../..')
const IMPORT = /import \{([^}]+)\} from '\.\.\/(?:dist\/)?(src\/[^']+)\.(?:ts|js)'/g

/** `<file>: <name> of <module>` for each name that the hub's module does not export. */
function missingImports(file: string, code: string): string[] {
  return [...code.matchAll(IMPORT)].flatMap(([, names = '', module = '']) => {
    const source = readFileSync(join(root, `${module}.ts`), 'utf8')
    return names
      .split(',')
      .map((name) => name.trim().split(' as ')[0] ?? '')
      .filter((name) => name !== '')
      .filter((name) => !exported(name).test(source))
      .map((name) => `${file}: ${name} of ${module}`)
  })
}

const exported = (name: string): RegExp =>
  new RegExp(`export (async function|function|const|\\{[^}]*)\\s*\\b${name}\\b`)

test('benchmarks, each name they import from the hub, is exported there', () => {
  const files = readdirSync(join(root, 'bench')).filter((name) => name.endsWith('.mjs'))
  const missing = files.flatMap((file) =>
    missingImports(file, readFileSync(join(root, 'bench', file), 'utf8')),
  )
  expect(missing).toEqual([])
})

test('benchmarks, an import of a name that is gone, is found', () => {
  const code = "import { planCase } from '../src/intake/commit-access.ts'"
  expect(missingImports('planted.mjs', code)).toEqual([
    'planted.mjs: planCase of src/intake/commit-access',
  ])
})
