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

test('CLI, tokens of two persons, propose and approve; the proposer alone cannot', async () => {
  const tokenOf = async (person: string): Promise<string> => {
    const args = ['tokens', 'create', person, '--role', 'admin', '--person', person, '--json']
    return JSON.parse((await run(...args)).text).token
  }
  const [ann, bob] = [await tokenOf('ann@example.com'), await tokenOf('bob@example.com')]
  const as = (token: string, ...args: string[]) =>
    runCli({ QUITTANCE_URL: api.origin, QUITTANCE_TOKEN: token }, ...args)
  expect((await run('tokens', 'list')).text).toMatch(/ann@example.com +admin/)

  const file = join(dir, 'lax.json')
  const config = { baseUrl: 'https://x.example' }
  const app = { connectorId: 'still', config, secrets: { token: 't' }, owners: ['x'], class: 1 }
  await writeFile(file, JSON.stringify({ ...app, name: 'Lax' }))
  const { id } = JSON.parse((await run('apps', 'register', file, '--json')).text)
  const payload = JSON.stringify({ appId: id, class: 3 })
  const asked = await as(ann, 'approvals', 'propose', 'lower-class', payload, '--reason', 'quiet')
  const proposal = /approvals approve (\S+)/.exec(asked.text)?.[1] ?? ''
  expect((await as(bob, 'approvals', 'list', '--state', 'proposed')).text).toContain(proposal)
  expect((await as(bob, 'approvals', 'show', proposal)).text).toContain('Reason: quiet')
  const approve = ['approvals', 'approve', proposal, '--reason', 'agreed']
  await expect(as(ann, ...approve)).rejects.toThrow()
  expect((await as(bob, ...approve)).text).toBe('Approved, and done.\n')
  expect(JSON.parse((await run('apps', 'show', id)).text).class).toBe(3)
})

test('CLI, an app, is changed from a file and gets a secret from a file', async () => {
  const file = join(dir, 'change.json')
  const { items } = await api.api('GET', '/apps').then(({ json }) => json)
  const [{ id }] = items
  await writeFile(file, JSON.stringify({ name: 'Renamed', owners: ['bob@example.com'] }))
  expect((await run('apps', 'change', id, file)).text).toContain('Changed Renamed')
  const secret = join(dir, 'secret')
  await writeFile(secret, 'value\n')
  const set = await run('apps', 'set-secret', id, 'witnessToken', '--file', secret)
  expect(set.text).toContain('Set witnessToken')
  const show = JSON.parse((await run('apps', 'show', id)).text)
  expect(show).toMatchObject({ name: 'Renamed', secrets: ['token', 'witnessToken'] })
  await run('apps', 'remove-secret', id, 'witnessToken')
  expect(JSON.parse((await run('apps', 'show', id)).text).secrets).toEqual(['token'])
})

test('CLI, networks and client secrets of a source, are set and shown', async () => {
  await run('sources', 'create', 'entra', '--dialect', 'entra')
  await run('sources', 'change', 'entra', '--name', 'Entra', '--network', '203.0.113.0/24')
  const secret = await run('sources', 'new-client-secret', 'entra')
  expect(secret.text).toContain('https://hub.example.com/oauth/entra/token')
  const { text } = await run('sources', 'show', 'entra')
  expect(text).toContain('may call from 203.0.113.0/24')
  expect(text).toContain('CLIENT SECRET')
  await run('sources', 'change', 'entra', '--any-network')
  expect((await run('sources', 'show', 'entra')).text).toContain('may call from everywhere')
})

test('CLI, nobody and a time without a zone, are said so', async () => {
  await expect(run('users', 'status', 'nobody@example.com')).rejects.toThrow('Nobody is known')
  await expect(run('offboard', 'schedule', 'okta', 'x', '2026-12-31 17:00')).rejects.toThrow('zone')
  expect((await run('offboard', 'planned')).text).toBe('Nothing.\n')
  expect((await run('alerts', 'list')).text).toBe('Nothing.\n')
})
