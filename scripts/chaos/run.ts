import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../src/storage/connection.ts'
import { lanesOf } from '../../src/storage/lane-models.ts'
import { createHubClient } from '../../test/support/client.ts'
import { collectFacts, type Facts, isBroken, type Snapshot, takeSnapshot } from './facts.ts'
import { startHubs } from './hubs.ts'
import { recordLeases } from './lease-history.ts'
import { createNemesis, type Misfortunes } from './nemesis.ts'
import { createProvider, type PersonStory, type StoryKind } from './provider.ts'
import { createRandom } from './random.ts'
import { startReplicaSet } from './replica-set.ts'
import type { Owed } from './rest.ts'
import { comeToRest } from './rest.ts'
import { startTargets } from './targets.ts'

export interface ChaosOptions extends Omit<Misfortunes, 'freezeMs'> {
  /** Repository with a built `dist`. */
  repository: string
  /** For data, logs and copies; must be empty. */
  folder: string
  /** People who depart. */
  deactivations: number
  apps: number
  seed: number
  /** Default: a mixture. */
  stories?: StoryKind
  /** The hubs' own clocks are wrong by so many seconds, ahead and behind in turn. Needs faketime. */
  skewSeconds: number
  /** A hub that is frozen stays so for a few seconds longer. */
  leaseSeconds: number
  /** One hub process each; default: four of them. See `startHubs`. */
  roles?: readonly string[]
  /** Of the connectors: longer than the latest effect of the applications, 3 s. */
  quarantineMs: number
  /** Stories under way at once. */
  concurrency: number
  /** How long to wait for everything to be proven once the misfortunes are over. */
  patienceMs: number
  log: (line: string) => void
}

export interface ChaosRun {
  facts: Facts
  /** Undefined: nothing is owed any more. */
  owed: Owed | undefined
  misfortunes: Record<string, number>
  /** Lanes that a process which ended on request had not given back. */
  abandoned: readonly string[]
  provider: Record<string, number>
  seconds: { load: number; rest: number }
}

const SOURCE = 'chaos'
const DB = 'chaos'
const ADMIN_TOKEN = 'admin-token-of-the-chaos-run-0000000001'
const ROLES = ['signer', 'web,worker,ledger+seal', 'web,worker', 'worker,ledger+seal']
/** Than its leases a hub stays frozen. */
const LONGER_MS = 4_000
const SNAPSHOT_MS = 3_000
const PROGRESS_MS = 15_000

/** One run, from an empty database to a judgement's facts. */
export async function runChaos(options: ChaosOptions): Promise<ChaosRun> {
  const { log } = options
  await mkdir(options.folder, { recursive: true })
  const random = createRandom(options.seed)
  const targetLog = join(options.folder, 'targets.jsonl')
  const set = await startReplicaSet(join(options.folder, 'db'))
  const cleanups: (() => Promise<unknown> | unknown)[] = [() => set.close()]
  try {
    const targets = await startTargets({
      apps: options.apps,
      people: options.deactivations,
      seed: options.seed,
      log: targetLog,
      latencyMs: 5,
    })
    cleanups.push(() => targets.close())
    const hubs = await startHubs({
      repository: options.repository,
      folder: options.folder,
      mongodbUri: set.uri,
      mongodbDb: DB,
      adminToken: ADMIN_TOKEN,
      masterKey: Buffer.alloc(32, 5),
      roles: options.roles ?? ROLES,
      leaseSeconds: options.leaseSeconds,
      connectors: { quarantineMs: options.quarantineMs, timeoutMs: 4_000, concurrency: 16 },
      ...(options.skewSeconds === 0 ? {} : { prefix: skewed(options.skewSeconds) }),
    })
    cleanups.push(() => hubs.close())
    const connection = await connect(set.uri, DB)
    cleanups.push(() => connection.close())
    const leases = await recordLeases(connection)

    const admin = createHubClient(hubs.web[0]?.origin ?? '', ADMIN_TOKEN)
    const { token } = await admin.createSource(SOURCE)
    const apps: Facts['apps'] = {}
    for (const { facets, ...app } of targets.apps) {
      apps[app.name] = { id: await admin.registerApp(app), facets }
    }

    const giveUp = new AbortController()
    const provider = createProvider({
      origins: hubs.web.map(({ origin }) => origin),
      sourceId: SOURCE,
      token,
      random,
      signal: giveUp.signal,
      ...(options.stories === undefined ? {} : { kind: options.stories }),
    })
    const abandoned: string[] = []
    const nemesis = createNemesis(
      hubs,
      set,
      { ...options, freezeMs: options.leaseSeconds * 1_000 + LONGER_MS },
      createRandom(options.seed + 1),
      log,
      async (pid) => {
        const lanes = await lanesOf(connection)
          .find({ 'lease.holder': { $regex: `/${pid}/` } }, { projection: { _id: 1 } })
          .toArray()
          .catch(() => [])
        abandoned.push(...lanes.map(({ _id }) => _id))
      },
    )
    const stories: PersonStory[] = []
    const snapshots = { taken: 0, broken: [] as Snapshot[] }
    const progress = { started: 0, struck: 0, misfortunes: 1 }
    const began = Date.now()

    const play = async (): Promise<void> => {
      for (;;) {
        const person = progress.started
        if (person >= options.deactivations) return
        // The misfortunes are spread over the whole load: it waits for them.
        const allowed = ((progress.struck + 1) / (progress.misfortunes + 1)) * options.deactivations
        if (person >= allowed) {
          await sleep(50)
          continue
        }
        progress.started += 1
        stories[person] = await provider.play(person)
      }
    }
    const ready = async (index: number, count: number, gapMs: number): Promise<void> => {
      progress.misfortunes = count
      progress.struck = index
      await sleep(gapMs)
      while (progress.started < ((index + 1) / (count + 1)) * options.deactivations) await sleep(50)
    }
    const telling = setInterval(() => {
      const played = stories.filter((story) => story !== undefined).length
      log(`${played} of ${options.deactivations} stories, ${provider.counts.requests} requests`)
    }, PROGRESS_MS)
    cleanups.push(() => clearInterval(telling))
    let over = false
    const watch = async (): Promise<void> => {
      while (!over) {
        await sleep(SNAPSHOT_MS)
        // While there is no primary there is nothing to look at.
        const seen = await takeSnapshot(connection).catch(() => undefined)
        if (seen === undefined) continue
        snapshots.taken += 1
        if (isBroken(seen)) snapshots.broken.push(seen)
      }
    }
    const watching = watch()
    await Promise.all([
      nemesis.run(ready).then(() => {
        progress.struck = progress.misfortunes
      }),
      ...Array.from({ length: options.concurrency }, play),
    ])
    clearInterval(telling)
    const loadSeconds = (Date.now() - began) / 1_000
    log(`load done after ${Math.round(loadSeconds)} s; waiting for recovery`)
    await nemesis.healed()
    await targets.heal()
    const owed = await comeToRest(connection, options.patienceMs, log)
    // What is not at rest goes on while it is judged: it is stopped where it stands.
    if (owed !== undefined) await hubs.close()
    over = true
    await watching
    await targets.flush()
    await leases.close()
    const facts = await collectFacts(connection, {
      sourceId: SOURCE,
      apps,
      stories,
      snapshots,
      leases: leases.changes,
      targetLog,
      vkey: hubs.vkey(),
    })
    return {
      facts,
      owed,
      misfortunes: nemesis.done,
      abandoned,
      provider: { ...provider.counts },
      seconds: { load: loadSeconds, rest: (Date.now() - began) / 1_000 - loadSeconds },
    }
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup()
  }
}

/** Only the wall clock is wrong: no machine's monotonic clock is. Preloaded by hand, for `faketime` would be killed alone. */
function skewed(seconds: number): (place: number) => readonly string[] {
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  const library = `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`
  if (!existsSync(library)) throw new Error(`wrong clocks need faketime: no ${library}`)
  return (place) => [
    ...['env', `LD_PRELOAD=${library}`, 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'DONT_FAKE_MONOTONIC=1'],
    `FAKETIME=${place % 2 === 0 ? '+' : '-'}${seconds}s`,
  ]
}
