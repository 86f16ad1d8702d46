import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseSync } from 'vite'
import { expect, test } from 'vitest'

/** room -> [rooms it may import, npm packages it may import]. `node:` is free; unnamed means nothing. */
const may: Record<string, readonly [rooms: readonly string[], packages: readonly string[]]> = {
  'src/shared': [[], ['canonicalize', 'uuid']],
  'src/config': [['src/shared'], ['zod']],
  'src/vault': [['src/shared'], []],
  'src/ledger': [
    ['src/shared', 'src/vault'],
    ['@aws-sdk/client-s3', 'jose', 'yauzl', 'yazl', 'zod'],
  ],
  'src/directory': [['src/shared'], []],
  'src/connector-sdk': [['src/shared'], ['ipaddr.js', 'jose', 'undici', 'zod']],
  'src/revocation': [
    ['src/shared', 'src/vault', 'src/directory', 'src/ledger', 'src/connector-sdk'],
    [],
  ],
  'src/intake': [
    [
      'src/shared',
      'src/vault',
      'src/directory',
      'src/ledger',
      'src/revocation',
      'src/connector-sdk',
    ],
    [],
  ],
  'src/alerts': [
    ['src/shared', 'src/revocation', 'src/connector-sdk'],
    ['nodemailer', 'standardwebhooks', 'zod'],
  ],
  'src/auth': [
    ['src/shared', 'src/connector-sdk'],
    ['jose', 'openid-client'],
  ],
  'src/telemetry': [
    ['src/shared'],
    [
      'pino',
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace-base',
    ],
  ],
  'src/storage': [
    [
      'src/shared',
      'src/vault',
      'src/directory',
      'src/revocation',
      'src/ledger',
      'src/intake',
      'src/alerts',
      'src/auth',
      'src/connector-sdk',
    ],
    ['mongoose', 'mongodb-memory-server-core'],
  ],
  'src/scim': [
    ['src/shared', 'src/directory', 'src/intake', 'src/auth', 'src/telemetry'],
    ['express', 'scimmy'],
  ],
  'src/api': [
    [
      'src/shared',
      'src/vault',
      'src/directory',
      'src/revocation',
      'src/ledger',
      'src/intake',
      'src/alerts',
      'src/auth',
      'src/telemetry',
      'src/connector-sdk',
    ],
    ['express', 'zod'],
  ],
  'src/cli': [
    [
      'src/shared',
      'src/auth',
      'src/config',
      'src/vault',
      'src/ledger',
      'src/storage',
      'src/version.ts',
      'src/process-flags.ts',
    ],
    ['commander'],
  ],
  // The composition root and the process around it know everybody.
  'src/composition': [['*'], ['express', 'mongoose']],
  'src/main.ts': [['*'], []],
  'src/version.ts': [[], []],
  'src/process-flags.ts': [[], []],
}

/** What a connector imports beside the SDK and zod: the packages of its protocol. */
const protocolPackages: Record<string, readonly string[]> = {
  'connectors/aws-iam': ['@aws-sdk/client-iam'],
  'connectors/ldap': ['ldapts'],
  'connectors/linux-ssh': ['ssh2'],
  'connectors/mysql': ['mysql2'],
  'connectors/postgresql': ['pg'],
  'connectors/ssf': ['jose'],
  'connectors/webhook': ['standardwebhooks'],
}

const root = join(import.meta.dirname, '../..')
const files = ['src', 'connectors']
  .flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' }).map((f) => `${top}/${f}`),
  )
  .filter((f) => f.endsWith('.ts') && !f.includes('/test/') && !f.startsWith('src/web/'))

const room = (file: string): string => file.split('/').slice(0, 2).join('/')

const allowed = (name: string): readonly [readonly string[], readonly string[]] =>
  name.startsWith('connectors/')
    ? [['src/connector-sdk'], ['zod', ...(protocolPackages[name] ?? [])]]
    : (may[name] ?? [[], []])

const NETWORK = new Set(
  ['net', 'tls', 'dgram', 'dns', 'http', 'http2', 'https'].map((m) => `node:${m}`),
)

/** What `file` may not import, yet does. */
function trespasses(file: string, source: string): string[] {
  const { module, errors } = parseSync(file, source)
  if (errors.length > 0) return errors.map((e) => e.message)
  const [rooms, packages] = allowed(room(file))
  const late = module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
    const asked = source.slice(start, end)
    const literal = /^(['"`])([^'"`$]*)\1$/.exec(asked)?.[2]
    // What is computed names nobody; a connector has no reason to.
    return literal ?? (file.startsWith('connectors/') ? asked : [])
  })
  const named = [
    ...late,
    ...module.staticImports.map((i) => i.moduleRequest.value),
    ...module.staticExports.flatMap((e) => e.entries.flatMap((x) => x.moduleRequest?.value ?? [])),
  ]
  // A connector reaches the network through its context alone; types are no way out.
  const reaches = module.staticImports
    .filter((i) => i.entries.length === 0 || i.entries.some((entry) => !entry.isType))
    .map((i) => i.moduleRequest.value)
    .concat(late)
    .filter((s) => file.startsWith('connectors/') && NETWORK.has(s))
  return named.filter((s) => {
    if (s.startsWith('node:')) return reaches.includes(s)
    if (s.startsWith('#')) return !rooms.includes(`src/${s.slice(1)}`)
    if (!s.startsWith('.')) {
      return !packages.includes(s.split('/', s.startsWith('@') ? 2 : 1).join('/'))
    }
    const there = room(relative(root, join(root, dirname(file), s)))
    return there !== room(file) && !rooms.includes('*') && !rooms.includes(there)
  })
}

test('the gate can fail', () => {
  expect(trespasses('src/ledger/x.ts', "import express from 'express'")).toEqual(['express'])
  expect(trespasses('src/ledger/x.ts', "import type { A } from '../api/app.ts'")).toHaveLength(1)
  expect(trespasses('connectors/x/index.ts', "import m from '../../src/main.ts'")).toHaveLength(1)
  expect(trespasses('connectors/x/index.ts', "import y from '../y/index.ts'")).toHaveLength(1)
  expect(trespasses('connectors/x/index.ts', "import { connect } from 'node:tls'")).toHaveLength(1)
  expect(trespasses('connectors/x/index.ts', "import type { Socket } from 'node:net'")).toEqual([])
  expect(trespasses('src/ledger/x.ts', "const e = await import('express')")).toEqual(['express'])
  expect(trespasses('connectors/x/index.ts', "await import('node:tls')")).toEqual(['node:tls'])
  expect(trespasses('connectors/x/index.ts', 'await import(name)')).toEqual(['name'])
  expect(files.length).toBeGreaterThan(5)
})

test.each(files)('%s', (file) => {
  expect(trespasses(file, readFileSync(join(root, file), 'utf8'))).toEqual([])
})
