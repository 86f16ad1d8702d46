import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

/** Says each module that is loaded, packages too. */
const HOOK = `import { register } from 'node:module'
register('data:text/javascript,' + encodeURIComponent(
  'export async function load(url, context, next) { process._rawDebug("loads " + url); return next(url, context) }'))`
const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname

function modulesOf(...args: string[]): { status: number | null; packages: Set<string> } {
  const hook = `data:text/javascript,${encodeURIComponent(HOOK)}`
  const options = ['--conditions=hub-source', '--import', 'tsx', '--import', hook]
  const { status, stderr } = spawnSync(process.execPath, [...options, main, ...args], {
    env: { PATH: process.env['PATH'] },
    encoding: 'utf8',
    timeout: 30_000,
  })
  const loaded = stderr.split('\n').filter((line) => line.startsWith('loads '))
  const packages = loaded.flatMap((url) => /node_modules\/((@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return { status, packages: new Set(packages) }
}

test('CLI, help of a command, loads nothing but the parser of command lines', () => {
  const { status, packages } = modulesOf('verify', '--help')
  expect(status).toBe(0)
  expect([...packages]).toEqual(['commander'])
})

test('CLI, verify, loads what verifies and no driver of a database', () => {
  const { status, packages } = modulesOf('verify', '/nowhere/x.quittance.zip')
  expect(status).toBe(2)
  expect(packages).toContain('yauzl')
  expect([...packages].filter((name) => /mongo|bson|aws|express/.test(name))).toEqual([])
})
