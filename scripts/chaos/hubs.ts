import { createWriteStream } from 'node:fs'
import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { PROCESS_FLAGS } from '../../src/process-flags.ts'
import { type Child, startChild } from './child.ts'
import { freePorts } from './ports.ts'

/** One process of the hub in its place: the place keeps its port and folder when the process is killed. */
export interface HubPlace {
  name: string
  roles: string
  origin: string
  dataDir: string
  pid(): number
  /** SIGKILL; resolves when it is gone. */
  killNine(): Promise<void>
  /** SIGTERM. @returns its exit code and the ms it took */
  terminate(): Promise<{ code: number | null; ms: number }>
  /** Starts it; resolves when it answers, rejects when it ends before that or takes too long. */
  start(): Promise<void>
  freeze(): void
  thaw(): void
  /** What it printed to stderr and stdout, newest last; at most a few hundred lines. */
  output: string[]
  /** Every process that ran here. */
  pids: number[]
}

export interface Hubs {
  places: readonly HubPlace[]
  /** Those that take SCIM requests. */
  web: readonly HubPlace[]
  vkey(): string
  close(): Promise<void>
}

export interface HubsOptions {
  /** Repository with an up-to-date `dist`; a copy of it is run, so that a build does no harm meanwhile. */
  repository: string
  folder: string
  mongodbUri: string
  mongodbDb: string
  adminToken: string
  masterKey: Buffer
  roles: readonly string[]
  connectors: { quarantineMs: number; timeoutMs: number; concurrency: number }
  leaseSeconds: number
  /** In front of node, for one place: e.g. faketime. */
  prefix?: (place: number) => readonly string[]
}

const START_MS = 60_000
const KEPT_LINES = 400

/** Starts the first place that signs before the others: they must know its key. */
export async function startHubs(options: HubsOptions): Promise<Hubs> {
  const home = join(options.folder, 'hub')
  await mkdir(home, { recursive: true })
  await cp(join(options.repository, 'dist'), join(home, 'dist'), { recursive: true })
  await cp(join(options.repository, 'package.json'), join(home, 'package.json'))
  await cp(join(options.repository, 'scripts/chaos/tuned-connectors.mjs'), join(home, 'tuned.mjs'))
  await symlink(resolve(options.repository, 'node_modules'), join(home, 'node_modules'))
  const ports = await freePorts(options.roles.length)
  const keys: { vkey?: string } = {}
  const places = options.roles.map((roles, i) =>
    createPlace(options, { home, index: i, roles, port: ports[i] ?? 0, keys }),
  )
  const [signer, ...others] = [...places].sort((a, b) => rank(a.roles) - rank(b.roles))
  await signer?.start()
  if (signer !== undefined) {
    keys.vkey = (await readFile(join(signer.dataDir, 'keys/log.vkey'), 'utf8')).trim()
  }
  await Promise.all(others.map((place) => place.start()))
  return {
    places,
    web: places.filter(({ roles }) => roles.includes('web') || roles === 'all'),
    vkey: () => keys.vkey ?? '',
    close: async () => {
      await Promise.all(
        places.map(async (place) => {
          place.thaw()
          await place.killNine()
        }),
      )
    },
  }
}

/** Who holds the log's key comes first. A place whose roles end in `+seal` seals without it. */
const rank = (roles: string): number =>
  roles === 'all' || roles.includes('signer') || /ledger(?!\+seal)/.test(roles) ? 0 : 1

function createPlace(
  options: HubsOptions,
  place: { home: string; index: number; roles: string; port: number; keys: { vkey?: string } },
): HubPlace {
  const { home, index, port, keys } = place
  const dataDir = join(options.folder, `data-${index}`)
  const origin = `http://127.0.0.1:${port}`
  const roles = place.roles.replace('+seal', '')
  const output: string[] = []
  const pids: number[] = []
  const file = createWriteStream(join(options.folder, `hub-${index}.log`))
  let child: Child | undefined

  const env = (): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    PORT: String(port),
    PUBLIC_URL: 'http://hub.chaos.example',
    LOG_LEVEL: process.env['CHAOS_LOG_LEVEL'] ?? 'warn',
    MONGODB_URI: options.mongodbUri,
    MONGODB_DB: options.mongodbDb,
    DATA_DIR: dataDir,
    ADMIN_TOKEN: options.adminToken,
    MASTER_KEY: options.masterKey.toString('base64'),
    ROLE: roles,
    // So many departures within minutes are a storm; nobody is there to let them go on.
    STORM_DEPARTURES: '0',
    WORKER_LEASE_SECONDS: String(options.leaseSeconds),
    CHAOS_DIST: join(home, 'dist'),
    CHAOS_QUARANTINE_MS: String(options.connectors.quarantineMs),
    CHAOS_TIMEOUT_MS: String(options.connectors.timeoutMs),
    CHAOS_CONCURRENCY: String(options.connectors.concurrency),
    ...(place.roles.endsWith('+seal') ? { LEDGER_LOG_KEY: keys.vkey ?? '' } : {}),
  })

  const start = async (): Promise<void> => {
    const prefix = options.prefix?.(index) ?? []
    const [command = process.execPath, ...args] = [
      ...prefix,
      process.execPath,
      ...[...PROCESS_FLAGS, '--import', join(home, 'tuned.mjs')],
      join(home, 'dist/src/main.js'),
    ]
    child = startChild(command, args, { cwd: home, env: env(), stdio: ['ignore', 'pipe', 'pipe'] })
    pids.push(child.pid)
    const keep = (line: string): void => {
      output.push(line)
      file.write(`${line}\n`)
      if (output.length > KEPT_LINES) output.splice(0, KEPT_LINES / 4)
    }
    for (const stream of [child.process.stdout, child.process.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', keep)
    }
    const started = Date.now()
    for (;;) {
      if (!child.isAlive()) throw new Error(`hub ${index} ended:\n${output.slice(-20).join('\n')}`)
      if (await isUp(origin)) return
      if (Date.now() - started > START_MS) {
        throw new Error(`hub ${index} is not ready:\n${output.slice(-20).join('\n')}`)
      }
      await sleep(100)
    }
  }

  return {
    name: `${index}:${place.roles}`,
    roles: place.roles,
    origin,
    dataDir,
    output,
    pids,
    pid: () => child?.pid ?? 0,
    start,
    killNine: async () => {
      child?.signal('SIGKILL')
      await child?.ended
    },
    terminate: async () => {
      const began = Date.now()
      child?.signal('SIGTERM')
      return { code: (await child?.ended) ?? null, ms: Date.now() - began }
    },
    freeze: () => child?.signal('SIGSTOP'),
    thaw: () => child?.signal('SIGCONT'),
  }
}

/** While it starts everything is 503; afterwards health checks are answered. */
async function isUp(origin: string): Promise<boolean> {
  const answer = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(
    () => undefined,
  )
  await answer?.arrayBuffer()
  return answer?.status === 200
}
