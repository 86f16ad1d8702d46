import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const brought = readdirSync(join(root, 'connectors'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/\.(ts|md)$/.test(entry.name))
  .map(({ parentPath, name }) => relative(root, join(parentPath, name)))
  .filter((path) => !path.includes('/test/'))

test('a build, of connectors that bring more than code, has that as well', () => {
  expect(brought).toContain('connectors/linux-ssh/quittance-host.sh')
  const missing = brought.filter(
    (path) =>
      !existsSync(join(root, 'dist', path)) ||
      !readFileSync(join(root, 'dist', path)).equals(readFileSync(join(root, path))),
  )
  expect(missing).toEqual([])
})
