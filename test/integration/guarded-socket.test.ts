import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressPolicy } from '../../src/connector-sdk/address-policy.ts'
import type { ConnectorError, SocketTarget } from '../../src/connector-sdk/contract.ts'
import { createNetClient } from '../../src/connector-sdk/guarded-socket.ts'

const directory = mkdtempSync(join(tmpdir(), 'guarded-socket-'))
const inDirectory = (name: string): string => join(directory, name)
let plain: Server
let encrypted: Server
let touches = 0
let ca: string

beforeAll(async () => {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', inDirectory('key.pem'), '-out', inDirectory('cert.pem'), '-days', '2'],
      ...['-subj', '/CN=db.internal', '-addext', 'subjectAltName=DNS:localhost'],
    ],
    { stdio: 'pipe' },
  )
  ca = readFileSync(inDirectory('cert.pem'), 'utf8')
  const count = (socket: Socket): void => {
    touches += 1
    socket.on('error', () => {})
  }
  plain = createServer((socket) => socket.on('error', () => {}).write('hello')).on(
    'connection',
    count,
  )
  encrypted = createTlsServer({ key: readFileSync(inDirectory('key.pem')), cert: ca }, (socket) =>
    socket.on('error', () => {}).write('hello'),
  ).on('tlsClientError', () => {})
  for (const server of [plain, encrypted]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  }
})
afterAll(async () => {
  for (const server of [plain, encrypted]) await new Promise((resolve) => server.close(resolve))
  rmSync(directory, { recursive: true })
})

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const client = (
  allowNetworks: string[],
  { timeoutMs = 3_000, signal = new AbortController().signal } = {},
) => createNetClient({ addresses: addressPolicy(allowNetworks), timeoutMs, signal })

const faultOf = (work: Promise<unknown>): Promise<ConnectorError> =>
  work.then(
    () => Promise.reject(new Error('it connected')),
    (error: ConnectorError) => error,
  )
const closing = (socket: Socket): Promise<Error | undefined> =>
  new Promise((resolve) => {
    let error: Error | undefined
    socket.on('error', (cause) => {
      error = cause
    })
    socket.on('close', () => resolve(error))
  })

describe('a guarded socket', () => {
  test.each<[string, Omit<SocketTarget, 'port'>]>([
    ['an IP literal', { host: '127.0.0.1', protection: 'upgrade' }],
    ['a name', { host: 'localhost', protection: 'upgrade' }],
    ['IPv6 loopback', { host: '[::1]', protection: 'upgrade' }],
    ['a mapped address', { host: '::ffff:127.0.0.1', protection: 'upgrade' }],
    ['the metadata address', { host: '169.254.169.254', protection: 'none' }],
  ])('to a place inside, given as %s, is refused before it is even touched', async (_, target) => {
    touches = 0
    const error = await faultOf(client([]).connect({ ...target, port: portOf(plain) }))
    expect(error).toMatchObject({ name: 'ConnectorError', fault: 'invalid', effect: 'none' })
    expect(touches).toBe(0)
  })

  test('to an allowed network, opens', async () => {
    const target = { host: '127.0.0.1', port: portOf(plain), protection: 'none' } as const
    const socket = await client(['127.0.0.0/8']).connect(target)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
  })

  test('to a closed port, is bad luck without effect', async () => {
    const spare = createServer()
    await new Promise<void>((resolve) => spare.listen(0, '127.0.0.1', resolve))
    const port = portOf(spare)
    await new Promise((resolve) => spare.close(resolve))
    const target = { host: '127.0.0.1', port, protection: 'none' } as const
    const error = await faultOf(client(['127.0.0.0/8']).connect(target))
    expect(error).toMatchObject({ fault: 'transient', effect: 'none' })
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('over TLS, with the certificate given, opens; without it, is a fault of the set-up', async () => {
    const target = { host: 'localhost', port: portOf(encrypted), protection: 'tls' } as const
    const socket = await client(['127.0.0.0/8', '::1/128']).connect({ ...target, ca })
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    const error = await faultOf(client(['127.0.0.0/8', '::1/128']).connect(target))
    expect(error).toMatchObject({ fault: 'invalid', effect: 'none' })
  })

  test('over TLS, to a host that the certificate does not name, is a fault of the set-up', async () => {
    const target = { host: '127.0.0.1', port: portOf(encrypted), protection: 'tls', ca } as const
    const error = await faultOf(client(['127.0.0.0/8']).connect(target))
    expect(error).toMatchObject({ fault: 'invalid' })
    expect(error.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('after its time, and after an abort, ends with the reason', async () => {
    const target = { host: '127.0.0.1', port: portOf(plain), protection: 'none' } as const
    const late = await client(['127.0.0.0/8'], { timeoutMs: 50 }).connect(target)
    expect(await closing(late)).toMatchObject({ message: 'timed out after 50 ms' })

    const controller = new AbortController()
    const net = client(['127.0.0.0/8'], { signal: controller.signal })
    const socket = await net.connect(target)
    const end = closing(socket)
    controller.abort()
    expect(await end).toMatchObject({ message: 'aborted by the hub' })
    expect(await faultOf(net.connect(target))).toMatchObject({ fault: 'transient' })
  })
})
