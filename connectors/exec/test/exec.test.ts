import { readFileSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connector, Handle } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import { createConnectorRunner } from '../../../src/connector-sdk/runner.ts'
import { systemClock } from '../../../src/shared/clock.ts'
import { testKit } from '../../../test/support/kit.ts'
import exec from '../index.ts'

let root: string
let programs: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'quittance-exec-'))
  programs = join(root, 'programs')
  await mkdir(programs, { mode: 0o755 })
  const source = await readFile(join(import.meta.dirname, 'program.mjs'), 'utf8')
  await writeFile(join(programs, 'directory.mjs'), `#!${process.execPath}\n${source}`, {
    mode: 0o755,
  })
  await writeFile(join(programs, 'open.mjs'), '#!/bin/true\n')
  await chmod(join(programs, 'open.mjs'), 0o777)
  await writeFile(join(programs, 'plain.txt'), 'not a program')
  await symlink('/bin/true', join(programs, 'link'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

interface Row {
  id: string
  userName: string
  externalId: string
  active: boolean
}
let worlds = 0

async function execWorld(): Promise<KitWorld> {
  worlds += 1
  const file = join(root, `accounts-${worlds}.json`)
  const names = ['bystander', 'jane', 'twin', 'twin.old']
  const rows = names.map((userName, n): Row => {
    return { id: `id-${n}`, userName, externalId: `emp-${n}`, active: true }
  })
  writeFileSync(file, JSON.stringify(rows))
  const now = (): Row[] => JSON.parse(readFileSync(file, 'utf8')) as Row[]
  const trick = (more: object): void => writeFileSync(`${file}.trick`, JSON.stringify(more))
  const person = { sourceId: 's', userId: 'u', emails: [] }
  return {
    app: {
      id: 'app',
      connectorId: 'exec',
      config: {
        command: 'directory.mjs',
        settings: { file },
        facets: [{ facet: 'account', reversible: true }],
      },
      allowNetworks: [],
    },
    secrets: { secret: 'canary-exec-77aa01' },
    host: { programDirectory: programs },
    subject: { ...person, userName: 'Jane', externalId: 'emp-1' },
    stranger: { ...person, userName: 'nobody', externalId: 'emp-99' },
    twins: { ...person, userName: 'twin', externalId: 'emp-3' },
    accountId: 'id-1',
    strangerId: 'id-99',
    isLive: () => now().find(({ id }) => id === 'id-1')?.active ?? false,
    bystandersHit: () => now().filter(({ id, active }) => id !== 'id-1' && !active).length,
    tricks: {
      lie: () => trick({ mode: 'lie' }),
      ignoreFilter: () => trick({ mode: 'unfiltered' }),
      repeatPages: () => trick({ next: 'same' }),
    },
    cannot: { wire: 'there is no network', hideRows: 'these listings carry no count' },
    close: async () => {},
  }
}

describe('exec, the kit', () => {
  testKit({ connector: exec, start: execWorld }, 'program of our own')
})

const open = async (config: object = {}, settings: object = {}) => {
  const world = await execWorld()
  const base = world.app.config as { settings: object }
  const runner = createConnectorRunner({
    connectors: new Map<string, Connector>([['exec', exec]]),
    secretsOf: async () => world.secrets,
    clock: systemClock,
    ...world.host,
  })
  const controller = new AbortController()
  const { connector, call } = await runner.open({
    ...world.app,
    config: { ...base, ...config, settings: { ...base.settings, ...settings } },
  })
  const context = call({ credential: 'doer', idempotencyKey: 'k', signal: controller.signal })
  return { connector, context, controller, world }
}
const jane: Handle = { facet: 'account', id: 'id-1' }

describe('exec, a program that fails', () => {
  test.each([
    ['exit 75', { mode: 'exit', code: 75 }, 'transient'],
    ['exit 77', { mode: 'exit', code: 77 }, 'credential'],
    ['exit 1', { mode: 'exit', code: 1 }, 'bug'],
    ['something else than JSON', { mode: 'nonsense' }, 'bug'],
    ['endless output', { mode: 'flood' }, 'bug'],
  ])('revoke, %s, is classified with unknown effect', async (_, settings, fault) => {
    const { connector, context } = await open({}, settings)
    await expect(connector.revoke(jane, context)).rejects.toMatchObject({
      fault,
      effect: 'unknown',
    })
    await expect(connector.observe(jane, context)).rejects.toMatchObject({ fault, effect: 'none' })
  })

  test('revoke, a program that hangs and ignores SIGTERM, is killed at the time limit', async () => {
    const { connector, context } = await open({ timeoutSeconds: 1 }, { mode: 'hang' })
    const began = performance.now()
    await expect(connector.revoke(jane, context)).rejects.toMatchObject({
      fault: 'transient',
      effect: 'unknown',
    })
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  test('revoke, an abort, ends within a second', async () => {
    const { connector, context, controller } = await open({}, { mode: 'hang' })
    const began = performance.now()
    const revoking = connector.revoke(jane, context)
    controller.abort()
    await expect(revoking).rejects.toMatchObject({ fault: 'transient' })
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  test('a secret on stderr, is in no evidence', async () => {
    const { connector, context, world } = await open()
    const ack = await connector.revoke(jane, context)
    expect(ack.evidence.body).toContain('called with [redacted]')
    expect(inspect(ack, { depth: 9 })).not.toContain(world.secrets['secret'])
  })
})

describe('exec, which programs may run', () => {
  test.each([
    ['nope', 'unsupported'],
    ['plain.txt', 'unsupported'],
    ['open.mjs', 'forbidden'],
    ['link', 'forbidden'],
  ])('%s, is %s and not run', async (command, fault) => {
    const { connector, context } = await open({ command })
    await expect(connector.revoke(jane, context)).rejects.toMatchObject({ fault, effect: 'none' })
  })

  test.each(['../../bin/true', '/bin/true', 'a b', '-x'])('%s, is no name', async (command) => {
    await expect(open({ command })).rejects.toMatchObject({ fault: 'invalid' })
  })
})
