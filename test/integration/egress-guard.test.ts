import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressPolicy } from '../../src/connector-sdk/address-policy.ts'
import { createEgress } from '../../src/connector-sdk/egress.ts'
import type { ResolveName } from '../../src/connector-sdk/guarded-connect.ts'
import { createNetClient } from '../../src/connector-sdk/guarded-socket.ts'
import { createHttpClient } from '../../src/connector-sdk/http.ts'
import { createRedactor } from '../../src/connector-sdk/redact.ts'
import { trustedBesidesRoots } from '../../src/connector-sdk/trusted-roots.ts'
import { systemClock } from '../../src/shared/clock.ts'
import { selfSigned } from '../support/servers/certificate.ts'
import { serverDirectory } from '../support/servers/process.ts'

let server: Server
let port: number
let touches = 0
beforeAll(async () => {
  server = createServer((_, res) => res.end('inner secret'))
  server.on('connection', () => {
    touches += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

async function get(
  url: string,
  allowNetworks: string[] = [],
  more: { proxy?: string; resolve?: ResolveName; ca?: string } = {},
) {
  const egress = createEgress({ allowNetworks, connectTimeoutMs: 200, ...more })
  const http = createHttpClient({
    egress,
    timeoutMs: 3_000,
    redactor: createRedactor(),
    signal: new AbortController().signal,
    clock: systemClock,
  })
  try {
    return await http.send({ method: 'GET', url })
  } finally {
    await egress.close()
  }
}

describe('the connection guard', () => {
  test.each([
    ['an IP literal', () => `http://127.0.0.1:${port}/`],
    ['a name', () => `http://localhost:${port}/`],
    ['a decimal address', () => `http://2130706433:${port}/`],
    ['an octal address', () => `http://0177.0.0.1:${port}/`],
    ['a short address', () => `http://127.1:${port}/`],
    ['the unspecified address', () => `http://0.0.0.0:${port}/`],
    ['a mapped address', () => `http://[::ffff:127.0.0.1]:${port}/`],
    ['IPv6 loopback', () => `http://[::1]:${port}/`],
    ['the metadata address', () => 'http://169.254.169.254/latest/meta-data/'],
  ])('a target inside, given as %s, is refused before it is even connected to', async (_, url) => {
    const before = touches
    await expect(get(url())).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
    expect(touches).toBe(before)
  })

  test('a private target inside the allowed networks, by address or by name, is reached', async () => {
    await expect(get(`http://127.0.0.1:${port}/`, ['127.0.0.0/8'])).resolves.toMatchObject({
      status: 200,
    })
    await expect(get(`http://localhost:${port}/`, ['127.0.0.0/8'])).resolves.toMatchObject({
      body: 'inner secret',
    })
  })

  test('a target inside, refused, names the field that would let it through', async () => {
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({
      message: expect.stringContaining('set allowNetworks of this app, e.g. ["127.0.0.0/8"]'),
    })
  })

  test('the metadata address, although allow-listed, stays refused', async () => {
    await expect(get('http://169.254.169.254/', ['0.0.0.0/0'])).rejects.toMatchObject({
      fault: 'invalid',
      message: expect.stringContaining('metadata'),
    })
  })

  test('a private target behind a proxy, not allow-listed, is refused before the proxy hears of it', async () => {
    const before = touches
    const proxy = `http://127.0.0.1:${port}`
    await expect(get('https://localhost/', [], { proxy })).rejects.toMatchObject({
      fault: 'invalid',
      effect: 'none',
    })
    expect(touches).toBe(before)
  })
})

describe('a resolver that names a public address first and 127.0.0.1 second', () => {
  const PUBLIC = '93.184.216.34'
  /** To whoever checks the answer it shows the one address, to whoever connects then the other. */
  const twoFaced: ResolveName = (_, __, callback) => {
    let looks = 0
    const rebound = {
      family: 4,
      get address() {
        looks += 1
        return looks === 1 ? PUBLIC : '127.0.0.1'
      },
    }
    callback(null, [rebound])
  }

  test('over HTTP, is refused by the address that is connected to, and nothing is sent', async () => {
    let bytes = 0
    const watched = once(server, 'connection').then(async ([socket]: Socket[]) => {
      socket?.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      await once(socket as Socket, 'close')
    })
    const url = `https://rebinding.example:${port}/`
    const error = await get(url, [], { resolve: twoFaced }).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ fault: 'invalid', effect: 'none' })
    expect((error as Error).message).toContain('loopback address')
    await watched
    // Not even the beginning of TLS.
    expect(bytes).toBe(0)
  })

  test('over a socket, is refused by the address that is connected to', async () => {
    const net = createNetClient({
      addresses: addressPolicy([]),
      timeoutMs: 3_000,
      signal: new AbortController().signal,
      resolve: twoFaced,
    })
    const before = touches
    const target = { host: 'rebinding.example', port, protection: 'upgrade' } as const
    await expect(net.connect(target)).rejects.toMatchObject({ fault: 'invalid', effect: 'none' })
    // It was touched: the address was right when it was looked up.
    await expect.poll(() => touches - before).toBe(1)
  })

  test('in two answers, is looked up again for each connection and refused by the second', async () => {
    const answers = [PUBLIC, '127.0.0.1']
    const resolve: ResolveName = (_, __, callback) =>
      callback(null, [{ address: answers.shift() ?? '', family: 4 }])
    const egress = createEgress({ allowNetworks: [], connectTimeoutMs: 50, resolve })
    const http = createHttpClient({
      egress,
      timeoutMs: 3_000,
      redactor: createRedactor(),
      signal: new AbortController().signal,
      clock: systemClock,
    })
    const url = `https://rebinding.example:${port}/`
    const before = touches
    // Nobody answers at the public address here: the connection does not come about.
    await expect(http.send({ method: 'GET', url })).rejects.toMatchObject({ fault: 'transient' })
    await expect(http.send({ method: 'GET', url })).rejects.toMatchObject({ fault: 'invalid' })
    expect(touches).toBe(before)
    await egress.close()
  })
})

test('a certificate of the operator, given, is trusted; without it, it is a fault of the set-up', async () => {
  const directory = serverDirectory('egress')
  const { keyFile, certificateFile, ca } = selfSigned(directory.path)
  const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
  const encrypted = createTlsServer(tls, (_, res) => res.end('inner secret'))
  await new Promise<void>((resolve) => encrypted.listen(0, '127.0.0.1', resolve))
  const url = `https://localhost:${(encrypted.address() as AddressInfo).port}/`
  await expect(get(url, ['127.0.0.0/8'], { ca })).resolves.toMatchObject({ status: 200 })
  await expect(get(url, ['127.0.0.0/8'])).rejects.toMatchObject({ fault: 'invalid' })
  encrypted.close()
  directory.remove()
})

test('certificates of the operator, given, are trusted besides those of Node.js', () => {
  expect(trustedBesidesRoots('PEM')).toEqual([...rootCertificates, 'PEM'])
  expect(trustedBesidesRoots(undefined)).toBeUndefined()
})

describe('the address policy', () => {
  const policy = addressPolicy([])
  test.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '168.63.129.16',
    '100.100.100.200',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '100::1',
    'not an address',
    '',
  ])('%s, over TLS and not allow-listed, is refused', (address) => {
    expect(policy(address, { encrypted: true })).toBeTypeOf('string')
  })

  test.each(['1.1.1.1', '93.184.216.34', '2606:4700:4700::1111', '172.32.0.1', '100.128.0.1'])(
    '%s, public, is reached over TLS only',
    (address) => {
      expect(policy(address, { encrypted: true })).toBeUndefined()
      expect(policy(address, { encrypted: false })).toMatch(/plain HTTP/)
    },
  )

  test('an IPv6 network, allow-listed, opens that network only', () => {
    const inner = addressPolicy(['fd12::/16', '10.2.0.0/16'])
    expect(inner('fd12::5', { encrypted: false })).toBeUndefined()
    expect(inner('10.2.3.4', { encrypted: false })).toBeUndefined()
    expect(inner('10.3.3.4', { encrypted: true })).toBeTypeOf('string')
  })

  test.each(['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd20:00ce:0:0:0:0:0:0254'])(
    '%s, a metadata address in an allow-listed network, stays refused',
    (address) => {
      const inner = addressPolicy(['fc00::/7'])
      expect(inner('fd20:ce::255', { encrypted: true })).toBeUndefined()
      expect(inner(address, { encrypted: true })).toMatch(/metadata/)
    },
  )

  test('a metadata address behind NAT64, allow-listed, stays refused', () => {
    const inner = addressPolicy(['64:ff9b::/96'])
    expect(inner('64:ff9b::a9fe:a9fe', { encrypted: true })).toMatch(/metadata/)
  })

  test('a range that is not CIDR, at start, is an error', () => {
    expect(() => addressPolicy(['10.0.0.0'])).toThrow(TypeError)
  })
})
