import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = new URL('../../../src/cli/main.ts', import.meta.url).pathname
const dir = await mkdtemp(join(tmpdir(), 'quittance-last-line-'))
const at = (name: string): string => join(dir, name)

beforeAll(async () => {
  await writeFile(at('damaged.gz'), gzipSync('{"format":"quittance-backup","version":1}\n'))
  await mkdir(at('admin-token'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** The program itself, in a process of its own. @param isRead false: nobody reads what it prints */
async function run(args: readonly string[], env: Record<string, string> = {}, isRead = true) {
  const child = spawn(
    process.execPath,
    ['--conditions=hub-source', '--import', 'tsx', main, ...args],
    {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  if (!isRead) child.stdout.destroy()
  const [[code], stderr] = await Promise.all([once(child, 'exit'), text(child.stderr)])
  return { code, stderr }
}

const NOTHING = 'no such file or directory'

test.each([
  ['restore, no file', ['restore', at('none')], 1, NOTHING],
  ['restore-check, no file', ['restore-check', at('none')], 2, NOTHING],
  [
    'restore-check, no checkpoint',
    ['restore-check', at('x'), '--checkpoint', at('none')],
    2,
    NOTHING,
  ],
  ['restore-check, a damaged file', ['restore-check', at('damaged.gz')], 1, 'it was cut off'],
] as const)('CLI, %s, is one sentence and its exit code', async (_, args, code, words) => {
  const ended = await run(args)
  expect(ended.stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(words)])
  expect(ended.code).toBe(code)
})

test('CLI, something unforeseen, shows where it came from to those who ask', async () => {
  const env = { DATA_DIR: dir }
  const { code, stderr } = await run(['sources', 'list'], env)
  expect(stderr).toMatch(/^Unexpected: .* QUITTANCE_DEBUG=1 shows where\.\n$/)
  expect(code).toBe(1)
  const asked = await run(['sources', 'list'], { ...env, QUITTANCE_DEBUG: '1' })
  expect(asked.stderr).toContain('    at ')
})

test('CLI, a reader that went away, ends quietly with its own exit code', async () => {
  expect(await run(['completion', 'bash'], {}, false)).toEqual({ code: 0, stderr: '' })
})
