import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SETTINGS } from '../../../src/config/settings.ts'

const file = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
const dockerfile = file('Dockerfile')
const compose = file('docker-compose.yml')
/** Of a YAML block such as `x-hub: &hub`: its lines up to the next line without an indent. */
const block = (text: string, head: string): string =>
  new RegExp(`^${head}.*\\n((?:[ #].*\\n|\\n)*)`, 'm').exec(text)?.[1] ?? ''
/** Of a service: its lines up to the next one. */
const service = (name: string): string =>
  new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n)*)`, 'm').exec(compose)?.[1] ?? ''

test('Dockerfile, the last stage, runs as nobody in particular and starts the hub', () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  expect(last).toMatch(/^USER 10001:10001$/m)
  expect(last).toMatch(/^HEALTHCHECK /m)
  expect(last).toMatch(/^ENTRYPOINT \["node", .*"dist\/src\/main\.js"\]$/m)
  expect(last).not.toMatch(/npm (ci|install)/)
  const start = JSON.parse(file('package.json')).scripts.start as string
  expect(last).toContain(`ENTRYPOINT ${JSON.stringify(start.split(' ')).replaceAll(',', ', ')}`)
})

test('Dockerfile, its Node, is one that the package allows', () => {
  const versions = [...dockerfile.matchAll(/^FROM node:(\d+)\.(\d+)/gm)].map(
    (m) => `${m[1]}.${m[2]}`,
  )
  expect(versions).toHaveLength(3)
  expect(JSON.parse(file('package.json')).engines.node).toBe(`>=${versions[0]}`)
  expect(new Set(versions).size).toBe(1)
})

test('compose, processes of the hub, have a read-only root, no rights and a health check', () => {
  const hub = block(compose, 'x-hub: &hub')
  expect(hub).toContain('read_only: true')
  expect(hub).toContain('cap_drop: [ALL]')
  expect(hub).toContain('no-new-privileges:true')
  expect(hub).toContain('/readyz')
  const roles = ['web', 'worker', 'ledger'].map((name) => {
    expect(service(name)).toContain('<<: *hub\n')
    return /ROLE: (\w+)/.exec(service(name))?.[1]
  })
  expect(roles).toEqual(['web', 'worker', 'ledger'])
  expect(service('worker')).toContain('replicas: 2')
})

test('compose, variables of the hub, are settings, and secrets come from files', () => {
  const environment = [block(compose, 'x-hub-environment'), service('web'), service('ledger')].join(
    '',
  )
  const names = [...environment.matchAll(/^ +([A-Z][A-Z_]+): /gm)].map((match) => match[1] ?? '')
  const known: Record<string, boolean> = Object.fromEntries(
    SETTINGS.map((setting) => [setting.name, 'secret' in setting]),
  )
  expect(names.length).toBeGreaterThan(6)
  for (const name of names) {
    const plain = name.replace(/_FILE$/, '')
    expect(known, name).toHaveProperty(plain)
    expect(known[plain], `${name} is a secret and needs _FILE`).toBe(name.endsWith('_FILE'))
  }
})

test('compose, the database, asks for a password and is not published', () => {
  const mongo = block(compose, 'x-mongo: &mongo')
  expect(mongo).toContain('--replSet rs0 --keyFile')
  expect(mongo).toContain('networks: [inside]')
  expect(mongo + service('mongo1')).not.toContain('ports:')
  expect(compose).toMatch(/inside: \{ internal: true \}/)
})

test('compose, metrics in its alert rules, are metrics of the hub', () => {
  const used = [...compose.matchAll(/\b(hub_[a-z_]+)[{[)]/g)].map((match) => match[1])
  expect(used.length).toBeGreaterThan(2)
  const source = file('src/telemetry/metrics.ts')
  for (const name of used) expect(source).toContain(`name: '${name}'`)
})
