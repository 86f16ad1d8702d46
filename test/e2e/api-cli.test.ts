import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { ADMIN, startApi } from './api-harness.ts'

const api = await startApi()
const dir = await mkdtemp(join(tmpdir(), 'quittance-cli-'))
afterAll(async () => {
  await api.close()
  await rm(dir, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  runCli({ QUITTANCE_URL: api.origin, QUITTANCE_TOKEN: ADMIN }, ...args)

test('CLI, a source from its creation to a deleted token, works from the terminal', async () => {
  expect((await run('sources', 'list')).text).toBe('Nothing.\n')
  const made = await run('sources', 'create', 'okta', '--dialect', 'okta', '--name', 'Okta')
  expect(made.text).toContain('https://hub.example.com/scim/okta/v2')
  expect(made.text).toMatch(/qtc_scim_[\w-]{43}/)
  const more = await run('sources', 'new-token', 'okta', '--expires-in-days', '7', '--json')
  const { tokenId } = JSON.parse(more.text)
  expect((await run('sources', 'show', 'okta')).text).toContain(tokenId)
  await run('sources', 'delete-token', 'okta', tokenId)
  expect((await run('sources', 'show', 'okta')).text).not.toContain(tokenId)
  const list = await run('sources', 'list')
  expect(list.text.split('\n')[0]).toMatch(/^ID +NAME +DIALECT/)
  expect(list.text).not.toMatch(/qtc_scim_[\w-]{43}/)
})

test('CLI, an app from a file, is registered, tested and paused', async () => {
  const file = join(dir, 'app.json')
  const app = {
    name: 'Payroll\u001b[2J',
    connectorId: 'still',
    config: { baseUrl: 'https://x.example' },
    secrets: { token: 't' },
    class: 1,
    owners: ['ann@example.com'],
  }
  await writeFile(file, JSON.stringify(app))
  await expect(run('apps', 'register', file)).rejects.toThrow('/name: must be one line of text')
  await writeFile(file, JSON.stringify({ ...app, name: 'Payroll' }))
  const { id } = JSON.parse((await run('apps', 'register', file, '--json')).text)
  expect(await run('apps', 'test', id)).toEqual({
    text: '✔ account.observe doer (doer): read one account\n',
    code: 0,
  })
  expect((await run('apps', 'pause', id)).text).toBe('Payroll is paused.\n')
  expect((await run('apps', 'list')).text).toContain('paused')
  await expect(run('apps', 'register', join(dir, 'none.json'))).rejects.toThrow('cannot be read')
})

test('CLI, an app whose test fails, ends with exit code 1', async () => {
  const file = join(dir, 'refused.json')
  const config = { baseUrl: 'https://x.example', says: 'refused' }
  await writeFile(
    file,
    JSON.stringify({
      name: 'R',
      connectorId: 'still',
      config,
      secrets: { token: 't' },
      class: 3,
      owners: ['x'],
    }),
  )
  const { id } = JSON.parse((await run('apps', 'register', file, '--json')).text)
  const tested = await run('apps', 'test', id)
  expect(tested.code).toBe(1)
  expect(tested.text).toContain('✘ connection (doer): credential: the token is not accepted')
})

test('CLI, status of a ready hub, says so and what is owed', async () => {
  const { text, code } = await run('status')
  expect(text).toContain('ready (storage up)')
  expect(text).toContain('0 open, 0 overdue')
  expect(code).toBe(0)
})

test.each([
  [['users', 'find', 'jane'], 'Nothing.'],
  [['revocations', 'list', '--overdue'], 'Nothing.'],
  [['offboardings', 'list', '--state', 'open'], 'Nothing.'],
  [['connectors'], 'An application that stands still'],
])('CLI, %s, answers people', async (args, answer) => {
  expect((await run(...args)).text).toContain(answer)
})

test.each([
  ['a wrong token', { QUITTANCE_TOKEN: 'wrong' }, 'QUITTANCE_TOKEN is not accepted'],
  ['no token', { DATA_DIR: '/nonexistent' }, 'Set QUITTANCE_TOKEN'],
  [
    'no hub',
    { QUITTANCE_URL: 'http://127.0.0.1:1', QUITTANCE_TOKEN: 'x' },
    'No hub answers at http://127.0.0.1:1',
  ],
])('CLI, %s, says what to do', async (_, env, words) => {
  const all = { QUITTANCE_URL: api.origin, ...env }
  await expect(runCli(all, 'sources', 'list')).rejects.toThrow(words)
})

test('CLI, a path in an id, reaches no other resource', async () => {
  await expect(run('apps', 'show', '../sources')).rejects.toThrow(/refused|not|no such/)
})

test('CLI, the program itself without a hub, prints one sentence and ends with 1', async () => {
  const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
  const started = promisify(execFile)(
    process.execPath,
    ['--conditions=hub-source', '--import', 'tsx', main, 'sources', 'list'],
    {
      env: { PATH: process.env['PATH'], QUITTANCE_URL: 'http://127.0.0.1:1', QUITTANCE_TOKEN: 'x' },
    },
  )
  await expect(started).rejects.toMatchObject({ code: 1, stdout: '' })
  const { stderr } = await started.catch((error: { stderr: string }) => error)
  expect(stderr).toContain('QUITTANCE_URL')
  expect(stderr).not.toContain('    at ')
})
