import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { clock, database, disk } from '../../../src/cli/doctor-judgement.ts'
import { aheadOfTimeServer } from '../../../src/cli/ntp.ts'
import type { ServerFacts } from '../../../src/storage/topology.ts'

const GIB = 2 ** 30
const sound: ServerFacts = {
  version: '8.2.0',
  kind: 'replica set',
  voting: 3,
  healthy: 3,
  journaled: true,
  transactionLifetimeSeconds: 15,
  aheadMs: 0,
  roundTripMs: 1,
  disk: { free: 50 * GIB, total: 100 * GIB },
}

/** The worst line. */
function verdict(facts: Partial<ServerFacts>, isEmbedded = false): string {
  const states = database({ ...sound, ...facts }, isEmbedded).map(({ state }) => state)
  return states.includes('fail') ? 'fail' : states.includes('warn') ? 'warn' : 'ok'
}

test.each<[string, Partial<ServerFacts>, string]>([
  ['three members that are up', {}, 'ok'],
  ['a member that is down', { healthy: 2 }, 'warn'],
  ['no majority', { healthy: 1 }, 'fail'],
  ['half of four members', { voting: 4, healthy: 2 }, 'fail'],
  ['one member alone', { voting: 1, healthy: 1 }, 'warn'],
  ['majority writes that are not journaled', { journaled: false }, 'fail'],
  ['a user who may not ask', { journaled: undefined, voting: undefined }, 'warn'],
  ['the default life of transactions', { transactionLifetimeSeconds: 60 }, 'warn'],
  ['an old server', { version: '7.0.14' }, 'warn'],
  ['a server without snapshots', { version: '4.4.29' }, 'fail'],
  ['a full disk', { disk: { free: GIB / 2, total: 100 * GIB } }, 'fail'],
  ['a mongos', { kind: 'mongos', voting: undefined, journaled: undefined }, 'ok'],
])('doctor, %s, is judged', (_, facts, expected) => {
  expect(verdict(facts)).toBe(expected)
  for (const { state, todo } of database({ ...sound, ...facts }, false)) {
    expect(todo === undefined).toBe(state === 'ok')
  }
})

test('doctor, one member of an embedded database, is what it should be', () => {
  expect(verdict({ voting: 1, healthy: 1 }, true)).toBe('ok')
})

test('doctor, clocks and disks, are judged by how far they are off', () => {
  const states = [0, 900, -5_000, 45_000].map((ms) => clock('MongoDB', ms, 0).state)
  expect(states).toEqual(['ok', 'ok', 'warn', 'fail'])
  // A slow answer proves no wrong clock.
  expect(clock('MongoDB', 1_400, 500).state).toBe('ok')
  expect(disk('/x', { free: 3 * GIB, total: 20 * GIB }).state).toBe('warn')
})

test('time server, one that is five seconds behind, is found so', async () => {
  const server = createSocket('udp4')
  server.on('message', (question, { port, address }) => {
    const answer = Buffer.alloc(48)
    answer[0] = 0b00_100_100
    answer[1] = 2
    question.copy(answer, 24, 40, 48)
    const now = (Date.now() - 5_000) / 1_000 + 2_208_988_800
    for (const at of [32, 40]) {
      answer.writeUInt32BE(Math.floor(now), at)
      answer.writeUInt32BE(Math.floor((now % 1) * 2 ** 32), at + 4)
    }
    server.send(answer, port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const ahead = await aheadOfTimeServer(`127.0.0.1:${port}`, Date.now)
  expect(ahead).toBeGreaterThan(4_900)
  expect(ahead).toBeLessThan(5_500)
  server.removeAllListeners('message').on('message', (question, { port: to, address }) => {
    // Stratum 0: a kiss of death.
    server.send(
      Buffer.concat([
        Buffer.from([36, 0]),
        question.subarray(2, 24),
        question.subarray(40, 48),
        question.subarray(32),
      ]),
      to,
      address,
    )
  })
  await expect(aheadOfTimeServer(`127.0.0.1:${port}`, Date.now)).rejects.toThrow('no usable time')
  server.close()
})
