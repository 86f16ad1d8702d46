import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import mongoose from 'mongoose'
import { findMongod } from '../../src/storage/mongod-binary.ts'
import { type Child, startChild } from './child.ts'
import type { Cut } from './link.ts'
import type { LinksOrder } from './links-process.ts'
import { freePorts } from './ports.ts'

const { MongoClient } = mongoose.mongo
const NAME = 'chaos'
const MEMBERS = 3
/** Shorter than the 10 s of a real set: more elections fit into a run. */
const ELECTION_MS = 3_000

/** What `configureFailPoint failCommand` takes as `data`. */
export interface FailCommand {
  failCommands: readonly string[]
  errorCode?: number
  closeConnection?: boolean
  blockConnection?: boolean
  blockTimeMS?: number
  writeConcernError?: { code: number; errmsg: string }
  errorLabels?: readonly string[]
}

/** A replica set of three real mongods on 127.0.0.1, all of whose traffic goes over links that can be cut. */
export interface ReplicaSet {
  /** For clients: every member by its link. */
  uri: string
  /** Index of the primary; undefined while there is none. */
  primary(): Promise<number | undefined>
  pidOf(index: number): number
  /** SIGKILL; resolves when it is gone. */
  killNine(index: number): Promise<void>
  /** After `killNine`: the same data, the same port. */
  restart(index: number): Promise<void>
  freeze(index: number): void
  thaw(index: number): void
  /** The primary steps down and stays away for `seconds`. @returns false when there was none */
  stepDown(seconds: number): Promise<boolean>
  /** Bytes to or from a member vanish, until `undefined` is asked for. */
  cut(index: number, way: Cut | undefined): void
  /** On every member: commands fail as told; null ends it. */
  failCommands(mode: object | null, data: FailCommand): Promise<void>
  close(): Promise<void>
}

/** @param folder for data and logs; created when missing */
export async function startReplicaSet(folder: string): Promise<ReplicaSet> {
  await mkdir(folder, { recursive: true })
  const binary = await findMongod(join(folder, 'mongod'), process.env['MONGOD_BINARY'])
  if (binary === undefined) throw new Error('no mongod on this machine')
  const ports = await freePorts(2 * MEMBERS)
  const real = ports.slice(0, MEMBERS)
  const linked = ports.slice(MEMBERS)
  const links = await startLinks(linked.map((from, i) => ({ from, to: real[i] ?? 0 })))
  const members: Child[] = []

  const start = async (index: number): Promise<void> => {
    const data = join(folder, `m${index}`)
    await mkdir(data, { recursive: true })
    members[index] = startChild(
      binary.path,
      [
        ...['--replSet', NAME, '--dbpath', data, '--port', String(real[index])],
        ...[
          '--bind_ip',
          '127.0.0.1',
          '--nounixsocket',
          '--quiet',
          '--wiredTigerCacheSizeGB',
          '0.4',
        ],
        ...['--logpath', join(folder, `m${index}.log`), '--logappend'],
        ...[
          'enableTestCommands=1',
          'diagnosticDataCollectionEnabled=false',
          // A killed process leaves its open transaction behind for so long, and nobody can change that person; 60 by default.
          'transactionLifetimeLimitSeconds=15',
        ].flatMap((parameter) => ['--setParameter', parameter]),
      ],
      {
        stdio: 'ignore',
        env: {
          ...process.env,
          ...(binary.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: binary.libraryPath }),
        },
      },
    )
    await answers(index)
  }

  /** Past the links: orders must arrive. */
  const command = async (index: number, order: object, timeoutMs = 3_000): Promise<Reply> => {
    const client = new MongoClient(`mongodb://127.0.0.1:${real[index]}/?directConnection=true`, {
      serverSelectionTimeoutMS: timeoutMs,
      connectTimeoutMS: timeoutMs,
      socketTimeoutMS: timeoutMs,
    })
    try {
      return (await client.db('admin').command(order as { hello: 1 })) as Reply
    } finally {
      await client.close()
    }
  }

  const answers = async (index: number): Promise<void> => {
    for (let tries = 0; tries < 300; tries += 1) {
      const said = await command(index, { hello: 1 }, 1_000).catch(() => undefined)
      if (said !== undefined) return
      if (members[index]?.isAlive() === false) break
      await sleep(100)
    }
    throw new Error(`mongod ${index} does not answer; see ${folder}/m${index}.log`)
  }

  const primary = async (): Promise<number | undefined> => {
    const said = await Promise.all(
      members.map((member, index) =>
        member.isAlive() ? command(index, { hello: 1 }, 1_000).catch(() => undefined) : undefined,
      ),
    )
    const index = said.findIndex((reply) => reply?.['isWritablePrimary'] === true)
    return index < 0 ? undefined : index
  }

  await Promise.all(real.map((_, index) => start(index)))
  await command(
    0,
    {
      replSetInitiate: {
        _id: NAME,
        members: linked.map((port, _id) => ({ _id, host: `127.0.0.1:${port}` })),
        settings: { electionTimeoutMillis: ELECTION_MS },
      },
    },
    20_000,
  )
  for (let tries = 0; (await primary()) === undefined; tries += 1) {
    if (tries > 300) throw new Error('no primary was elected')
    await sleep(100)
  }

  return {
    uri: `mongodb://${linked.map((port) => `127.0.0.1:${port}`).join(',')}/?replicaSet=${NAME}`,
    primary,
    pidOf: (index) => members[index]?.pid ?? 0,
    killNine: async (index) => {
      members[index]?.signal('SIGKILL')
      await members[index]?.ended
    },
    restart: start,
    freeze: (index) => members[index]?.signal('SIGSTOP'),
    thaw: (index) => members[index]?.signal('SIGCONT'),
    stepDown: async (seconds) => {
      const index = await primary()
      if (index === undefined) return false
      const order = { replSetStepDown: seconds, secondaryCatchUpPeriodSecs: 3, force: false }
      return command(index, order, 10_000).then(
        () => true,
        () => false,
      )
    },
    cut: (index, way) => links.tell({ kind: 'cut', index, way: way ?? null }),
    failCommands: async (mode, data) => {
      const order = { configureFailPoint: 'failCommand', mode: mode ?? 'off', data }
      await Promise.all(
        members.map((member, index) =>
          member.isAlive() ? command(index, order).catch(() => undefined) : undefined,
        ),
      )
    },
    close: async () => {
      for (const member of members) {
        member.signal('SIGCONT')
        member.signal('SIGKILL')
      }
      await Promise.all(members.map(({ ended }) => ended))
      links.close()
    },
  }
}

type Reply = Record<string, unknown>

async function startLinks(
  links: readonly { from: number; to: number }[],
): Promise<{ tell(order: LinksOrder): void; close(): void }> {
  const child = startChild(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('links-process.ts', import.meta.url))],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  const tell = (order: LinksOrder): void => void child.process.send(order)
  tell({ kind: 'open', links })
  await once(child.process, 'message')
  return { tell, close: () => child.process.disconnect() }
}
