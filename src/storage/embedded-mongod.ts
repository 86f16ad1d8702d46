import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { MongoBinary, MongoInstance } from 'mongodb-memory-server-core'
import mongoose from 'mongoose'
import { HubError } from '../shared/errors.ts'
import { findMongod } from './mongod-binary.ts'

const { MongoClient } = mongoose.mongo
const REPLICA_SET = 'quittance'
/** Used only where no mongod is on the machine and the npm one does not fit the platform. */
const DOWNLOAD_VERSION = '8.2.0'

export interface EmbeddedMongod {
  uri: string
  pid: number
  /** Shuts mongod down cleanly; resolves when the process is gone. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Holds `db/`, `db-port` and prepared binaries. Created when missing. */
  dataDir: string
  binary?: string
  /** Extra mongod arguments, e.g. test commands. */
  args?: readonly string[]
  /** MiB of WiredTiger cache; default 512. */
  cacheMiB?: number
}

/**
 * Starts a real, journaled single-node replica set on 127.0.0.1 that keeps its data in `dataDir/db`.
 *
 * The process dies with this one: a small watcher ends it when its parent is gone, kill -9 included.
 *
 * @throws HubError ERR_DATA_DIR_IN_USE when another mongod holds the folder
 */
export async function startEmbeddedMongod(options: EmbeddedOptions): Promise<EmbeddedMongod> {
  const dbPath = join(options.dataDir, 'db')
  await mkdir(dbPath, { recursive: true })
  await endOrphan(dbPath)

  const binary = await findMongod(join(options.dataDir, 'mongod'), options.binary)
  const port = await rememberedPort(options.dataDir)
  const instance = new MongoInstance({
    instance: {
      port,
      dbPath,
      ip: '127.0.0.1',
      replSet: REPLICA_SET,
      storageEngine: 'wiredTiger',
      launchTimeout: 60_000,
      args: [
        '--wiredTigerCacheSizeGB',
        String((options.cacheMiB ?? 512) / 1024),
        '--nounixsocket',
        '--quiet',
        // What a killed process leaves open holds its rows so long: 60 s, unless told otherwise.
        '--setParameter',
        'transactionLifetimeLimitSeconds=15',
        ...(options.args ?? []),
      ],
    },
    binary: binary
      ? { systemBinary: binary.path }
      : { version: DOWNLOAD_VERSION, downloadDir: join(options.dataDir, 'mongod') },
    spawn: {
      // A process group of its own: Ctrl-C reaches the hub, which drains and then stops mongod.
      detached: true,
      ...(binary?.libraryPath
        ? { env: { ...process.env, LD_LIBRARY_PATH: binary.libraryPath } }
        : {}),
    },
  })
  await withoutVersionProbe(async () => {
    if (!binary) await MongoBinary.getPath({ version: DOWNLOAD_VERSION })
    await instance.start()
  })

  const uri = `mongodb://127.0.0.1:${port}/?replicaSet=${REPLICA_SET}`
  try {
    await becomePrimary(port)
  } catch (error) {
    await instance.stop()
    throw error
  }
  return {
    uri,
    pid: instance.mongodProcess?.pid ?? 0,
    stop: async () => {
      await instance.stop()
    },
  }
}

/** The library would run `mongod --version` without the library path of the child. */
async function withoutVersionProbe(start: () => Promise<void>): Promise<void> {
  const name = 'MONGOMS_SYSTEM_BINARY_VERSION_CHECK'
  const before = process.env[name]
  process.env[name] = 'false'
  try {
    await start()
  } finally {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}

/**
 * After a kill -9 of the hub its mongod lives on for up to two seconds. The folder is already ours
 * (the data-dir lock says so): ask that mongod to stop, and wait until it has.
 */
async function endOrphan(dbPath: string): Promise<void> {
  const pid = Number((await readFile(join(dbPath, 'mongod.lock'), 'utf8').catch(() => '')).trim())
  if (!Number.isInteger(pid) || pid <= 0) return
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  if (!commandLine.includes(dbPath)) return
  process.kill(pid, 'SIGTERM')
  for (let waited = 0; waited < 20_000; waited += 50) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new HubError('ERR_DATA_DIR_IN_USE', `mongod ${pid} still holds ${dbPath}; stop it first`)
}

/** A replica set remembers its own host and port: keep the port over restarts while it is free. */
async function rememberedPort(dataDir: string): Promise<number> {
  const file = join(dataDir, 'db-port')
  const remembered = Number((await readFile(file, 'utf8').catch(() => '')).trim())
  if (remembered > 0 && (await isFree(remembered))) return remembered
  const port = await freePort()
  await writeFile(`${file}.new`, `${port}\n`)
  await rename(`${file}.new`, file)
  return port
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const freePort = (): Promise<number> => listenOnce(0)
const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  )

/** Initiates the set on its first start; on a changed port, forces the configuration to the new address. */
async function becomePrimary(port: number): Promise<void> {
  const host = `127.0.0.1:${port}`
  const client = await MongoClient.connect(`mongodb://${host}/?directConnection=true`)
  try {
    const admin = client.db('admin')
    const hello = await admin.command({ hello: 1 })
    if (hello['setName'] === undefined && hello['isreplicaset'] === true) {
      await admin.command({
        replSetInitiate: {
          _id: REPLICA_SET,
          members: [{ _id: 0, host }],
          writeConcernMajorityJournalDefault: true,
          settings: { electionTimeoutMillis: 2_000 },
        },
      })
    } else {
      const { config } = await admin.command({ replSetGetConfig: 1 })
      if (config.members[0].host !== host) {
        config.members = [{ _id: config.members[0]._id, host }]
        config.version += 1
        await admin.command({ replSetReconfig: config, force: true })
      }
    }
    for (let waited = 0; waited < 30_000; waited += 20) {
      if ((await admin.command({ hello: 1 }))['isWritablePrimary'] === true) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new HubError(
      'ERR_STORAGE_UNAVAILABLE',
      'the embedded mongod did not become primary in 30 s',
    )
  } finally {
    await client.close()
  }
}
