import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SETTINGS } from '../../../src/config/settings.ts'
import { PROCESS_FLAGS } from '../../../src/process-flags.ts'

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
  // `exec`: a signal to npm reaches the hub, and no shell stays between the two.
  const [exec, ...words] = start.split(' ')
  expect(exec).toBe('exec')
  expect(last).toContain(`ENTRYPOINT ${JSON.stringify(words).replaceAll(',', ', ')}`)
  expect(words).toEqual(['node', ...PROCESS_FLAGS, 'dist/src/main.js'])
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

test('compose, files that it mounts, are there, and what it mounts is declared', () => {
  const configs = compose.slice(compose.indexOf('\nconfigs:\n'), compose.indexOf('\nsecrets:\n'))
  const files = [...configs.matchAll(/^ {4}file: \.\/(.+)$/gm)].map((match) => match[1] ?? '')
  expect(files).toEqual(['docs/grafana/rules.yml', 'docs/grafana/dashboard.json'])
  for (const name of files) expect(file(name).length).toBeGreaterThan(1_000)
  const declared = [...configs.matchAll(/^ {2}([a-z-]+):$/gm)].map((match) => match[1])
  const mounted = [...compose.matchAll(/^ +- source: ([a-z-]+)$/gm)].map((match) => match[1])
  expect(mounted.sort()).toEqual(declared.sort())
})

test('compose, secrets that services name, are files, and each is made by the instructions', () => {
  const declared = [
    ...compose.matchAll(/^ {2}([a-z-]+): \{ file: \.\/\.data\/secrets\/\1 \}$/gm),
  ].map((match) => match[1] ?? '')
  const named = [...compose.matchAll(/^ +secrets: \[(.+)\]$/gm)].flatMap(
    (match) => match[1]?.split(', ') ?? [],
  )
  expect(new Set(named)).toEqual(new Set(declared))
  for (const name of declared) expect(compose).toMatch(new RegExp(`^#.*> ${name}$`, 'm'))
})

test('compose, what watches the hub, has no more rights than the hub', () => {
  for (const name of ['prometheus', 'grafana']) {
    expect(service(name)).toContain('read_only: true')
    expect(service(name)).toContain('cap_drop: [ALL]')
    expect(service(name)).toContain("ports: ['127.0.0.1:")
  }
})
