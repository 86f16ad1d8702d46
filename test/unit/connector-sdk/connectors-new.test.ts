import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeConnector } from '../../../src/cli/connectors-new.ts'
import type { Connector } from '../../../src/connector-sdk/contract.ts'
import { connectorKit, type KitCase } from '../../../src/connector-sdk/kit/kit.ts'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')
/** Where an operator installs the hub and connectors side by side. */
let installed: string
let folder: string
let cases: KitCase[]

beforeAll(async () => {
  installed = await mkdtemp(join(tmpdir(), 'quittance-new-'))
  const modules = join(installed, 'node_modules')
  await mkdir(modules)
  await symlink(root, join(modules, 'quittance'))
  for (const name of ['zod', '@types', 'undici-types']) {
    await symlink(join(root, 'node_modules', name), join(modules, name))
  }
  folder = await writeConnector('acme-crm', installed)
  const { default: connector } = (await import(join(folder, 'index.ts'))) as { default: Connector }
  const { startWorld } = (await import(join(folder, 'test/world.ts'))) as {
    startWorld(): Promise<KitWorld>
  }
  cases = connectorKit({ connector, start: startWorld })
})
afterAll(() => rm(installed, { recursive: true, force: true }))

describe('a connector just written', () => {
  test('passes every case of the kit', async () => {
    expect(cases.length).toBeGreaterThan(30)
    // Each has a world of its own; a few at a time, as some wait for a time-out.
    const queue = [...cases]
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { name, run } = next
        await run().catch((error: unknown) => {
          throw new Error(name, { cause: error })
        })
      }
    }
    await Promise.all([work(), work(), work(), work()])
  })

  test('is built, and loaded by the name of its package', async () => {
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], { cwd: folder })
    await symlink(folder, join(installed, 'node_modules/quittance-connector-acme-crm'))
    const load = `
      const { loadConnectors } = await import('quittance/src/connector-sdk/load.ts')
      const found = await loadConnectors({ names: ['manual', 'quittance-connector-acme-crm'] })
      console.log([...found.keys()].join())`
    const { stdout } = await run(
      process.execPath,
      [
        '--preserve-symlinks',
        '--conditions=hub-source',
        ...['--import', join(root, 'node_modules/tsx/dist/loader.mjs')],
        ...['--input-type=module', '--eval', load],
      ],
      { cwd: installed },
    )
    expect(stdout.trim()).toBe('manual,acme-crm')
  })

  test('takes the hub from the folder that wrote it, and from no registry', async () => {
    const made = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const from = made.devDependencies.quittance as string
    expect(from).toMatch(/^file:/)
    expect(await realpath(join(folder, from.slice('file:'.length)))).toBe(await realpath(root))
    expect(made.peerDependenciesMeta).toEqual({ quittance: { optional: true } })
  })

  test('has a README that names the permissions and how to use it', async () => {
    const text = await readFile(join(folder, 'README.md'), 'utf8')
    expect(text).toContain('CONNECTORS=quittance-connector-acme-crm')
    expect(text).toContain('## Permissions to grant')
    expect(text).not.toMatch(/NAME|HUB/)
  })
})

test.each(['', 'Acme', '../acme', 'acme_crm', '-acme', 'acme--crm'])(
  'writeConnector, the name %j, is refused',
  async (name) => {
    await expect(writeConnector(name, installed)).rejects.toThrow('small letters')
  },
)

test('writeConnector, a folder that exists, is left alone', async () => {
  await expect(writeConnector('acme-crm', installed)).rejects.toThrow('cannot be made')
})
