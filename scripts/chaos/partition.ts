import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import mongoose, { type Connection } from 'mongoose'
import { connect } from '../../src/storage/connection.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { findMongod } from '../../src/storage/mongod-binary.ts'
import { offboardingsOf, revocationsOf } from '../../src/storage/revocation-models.ts'
import { aCall, intakeOn } from '../../test/support/intake.ts'
import { type Child, startChild } from './child.ts'
import { type Host, startHosts } from './namespaces.ts'
import type { WriterLine, WriterOrders } from './partition-writer.ts'
import { userNameOf } from './people.ts'

const { MongoClient } = mongoose.mongo
const SET = 'chaos'
const SOURCE = 'chaos'
const PORT = 27_017
const DB = 'chaos'
const APPS = 2
const CONCURRENCY = 16
/** Shorter than the 10 s of a real set, so that both sides have time enough within one cut. */
const ELECTION_MS = 4_000

export interface PartitionOptions {
  /** For data and logs. */
  folder: string
  people: number
  /** How long the primary is alone with a hub, ms. */
  cutMs: number
  /** Before and after it, ms. */
  calmMs: number
  /** The control: promises rest on one member. It must lose some. */
  unsafe: boolean
  log(line: string): void
}

export interface PartitionRun {
  /** Departures that were promised: by the hub beside the old primary, by the one beside the others. */
  promised: readonly number[]
  /** … while the primary was cut off. */
  promisedMeanwhile: readonly number[]
  /** By code; what was refused was not promised. */
  refused: Record<string, number>
  slowestRefusalMs: number
  /** Promised, and not, or not all, there afterwards. */
  lost: number
  /** Not promised, and there: harmless, the provider says it again. */
  unpromised: number
}

/**
 * Three members and two intakes on three hosts. The first host, with the primary and one intake, loses its cable for a
 * while; both intakes go on taking departures. Needs namespaces of its own: see `canIsolate`.
 */
export async function runPartition(options: PartitionOptions): Promise<PartitionRun> {
  const { hosts, close } = await startHosts(3)
  const children: Child[] = []
  try {
    const uri = await startMembers(hosts, options.folder, children)
    const connection = await connect(uri, DB)
    try {
      return await play(hosts, uri, connection, options, children)
    } finally {
      await connection.close()
    }
  } finally {
    for (const child of children) child.signal('SIGKILL')
    await Promise.all(children.map(({ ended }) => ended))
    await close()
  }
}

async function play(
  hosts: readonly Host[],
  uri: string,
  connection: Connection,
  options: PartitionOptions,
  children: Child[],
): Promise<PartitionRun> {
  const { people, cutMs, calmMs, unsafe, log } = options
  const intake = await intakeOn(connection)
  for (let n = 0; n < APPS; n += 1) await intake.register(`app ${n}`)
  const userIds = await hire(intake.directory, people)
  log(`${people} people hired`)
  const sides = [userIds.slice(0, people / 2), userIds.slice(people / 2)]
  const orders = { uri, dbName: DB, sourceId: SOURCE, concurrency: CONCURRENCY, unsafe }
  const writers = await Promise.all(
    sides.map((own, side) => startWriter(hosts[side], { ...orders, userIds: own }, children)),
  )
  const promisedNow = () => writers.map(({ promised }) => promised.size)
  for (const writer of writers) writer.begin()
  await sleep(calmMs)
  const before = promisedNow()
  await hosts[0]?.unplug()
  log(`cut; promised so far ${before.join(' + ')}`)
  await sleep(cutMs)
  const after = promisedNow()
  await hosts[0]?.plug()
  log(`together again; promised so far ${after.join(' + ')}`)
  await sleep(calmMs)
  await Promise.all(writers.map((writer) => writer.stop()))
  const promised = promisedNow()
  const kept = await keptOf(connection)
  const lost = writers.flatMap((writer) => [...writer.promised].filter((id) => !kept.has(id)))
  const refusals = writers.flatMap(({ refused }) => refused)
  return {
    promised,
    promisedMeanwhile: after.map((n, side) => n - (before[side] ?? 0)),
    refused: countOf(refusals.map(({ code }) => code)),
    slowestRefusalMs: Math.max(0, ...refusals.map(({ ms }) => ms)),
    lost: lost.length,
    unpromised: [...kept].filter((id) => !writers.some((writer) => writer.promised.has(id))).length,
  }
}

/** The first host's member is the primary: it alone wants to be one. */
async function startMembers(
  hosts: readonly Host[],
  folder: string,
  children: Child[],
): Promise<string> {
  await mkdir(folder, { recursive: true })
  const binary = await findMongod(join(folder, 'mongod'), process.env['MONGOD_BINARY'])
  if (binary === undefined) throw new Error('no mongod on this machine')
  for (const [index, host] of hosts.entries()) {
    const data = join(folder, `m${index}`)
    await mkdir(data, { recursive: true })
    const [enter = '', ...rest] = [
      ...host.prefix,
      binary.path,
      ...['--replSet', SET, '--dbpath', data, '--port', String(PORT), '--bind_ip', '0.0.0.0'],
      ...['--nounixsocket', '--quiet', '--wiredTigerCacheSizeGB', '0.4'],
      ...['--logpath', join(folder, `m${index}.log`)],
    ]
    const library = binary.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: binary.libraryPath }
    children.push(startChild(enter, rest, { stdio: 'ignore', env: { ...process.env, ...library } }))
  }
  const first = `${hosts[0]?.address}:${PORT}`
  const client = new MongoClient(`mongodb://${first}/?directConnection=true`)
  try {
    const members = hosts.map(
      ({ address }) => `mongodb://${address}:${PORT}/?directConnection=true`,
    )
    await Promise.all(members.map(listening))
    await client.db('admin').command({
      replSetInitiate: {
        _id: SET,
        members: hosts.map(({ address }, _id) => ({
          ...{ _id, host: `${address}:${PORT}` },
          priority: _id === 0 ? 2 : 1,
        })),
        settings: { electionTimeoutMillis: ELECTION_MS },
      },
    })
    while ((await client.db('admin').command({ hello: 1 }))['isWritablePrimary'] !== true) {
      await sleep(100)
    }
  } finally {
    await client.close()
  }
  return `mongodb://${hosts.map(({ address }) => `${address}:${PORT}`).join(',')}/?replicaSet=${SET}`
}

/** A set begins only when every member answers. */
async function listening(uri: string): Promise<void> {
  const client = new MongoClient(uri)
  try {
    await client.db('admin').command({ ping: 1 })
  } finally {
    await client.close()
  }
}

async function hire(
  directory: Awaited<ReturnType<typeof intakeOn>>['directory'],
  people: number,
): Promise<string[]> {
  const ids: string[] = []
  const names = Array.from({ length: people }, (_, n) => userNameOf(n)).values()
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const userName of names) {
        ids.push((await directory.createUser(aCall(SOURCE), { userName, active: true })).id)
      }
    }),
  )
  return ids
}

interface Writer {
  promised: Set<string>
  refused: { code: string; ms: number }[]
  begin(): void
  /** Resolves when what was under way is answered. */
  stop(): Promise<void>
}

async function startWriter(
  host: Host | undefined,
  orders: WriterOrders,
  children: Child[],
): Promise<Writer> {
  const [enter = '', ...rest] = [
    ...(host?.prefix ?? []),
    ...[process.execPath, '--conditions=hub-source', '--import', 'tsx'],
    fileURLToPath(new URL('partition-writer.ts', import.meta.url)),
  ]
  const child = startChild(enter, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const { stdin, stdout } = child.process
  if (stdin === null || stdout === null) throw new Error('a writer without pipes')
  const promised = new Set<string>()
  const refused: Writer['refused'] = []
  const lines = createInterface({ input: stdout })
  const ready = once(lines, 'line')
  lines.on('line', (text) => {
    const line = JSON.parse(text) as WriterLine
    if (line.kind === 'promised') promised.add(line.userId)
    if (line.kind === 'refused') refused.push(line)
  })
  const heard = once(lines, 'close')
  stdin.write(`${JSON.stringify(orders)}\n`)
  await ready
  return {
    promised,
    refused,
    begin: () => void stdin.write('\n'),
    stop: async () => {
      stdin.end()
      await heard
    },
  }
}

/** Whose departure is there, whole: person, case, all revocations, all lanes. */
async function keptOf(connection: Connection): Promise<Set<string>> {
  const db = connection.getClient().db(connection.name)
  const gone = await db.collection('users').find({ active: false }).toArray()
  const cases = countOf((await offboardingsOf(connection).find().toArray()).map((o) => o.userId))
  const units = countOf((await revocationsOf(connection).find().toArray()).map((r) => r.userId))
  const lanes = countOf((await lanesOf(connection).find().toArray()).map((lane) => lane.userId))
  const ids = gone.map((user) => String(user['id'] ?? user._id))
  return new Set(ids.filter((id) => cases[id] === 1 && units[id] === APPS && lanes[id] === APPS))
}

function countOf(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
