import type { Connection } from 'mongoose'
import type { Connector } from '../../src/connector-sdk/contract.ts'
import { createConnectorRunner } from '../../src/connector-sdk/runner.ts'
import { createDirectory } from '../../src/intake/create-directory.ts'
import type { AppRecord, Revocation } from '../../src/revocation/types.ts'
import type { LaneWake } from '../../src/revocation/wake.ts'
import { createWorker, type Worker } from '../../src/revocation/worker.ts'
import { newId } from '../../src/shared/ids.ts'
import { createAppStore, prepareApps } from '../../src/storage/app-store.ts'
import { createCaseKeyStore } from '../../src/storage/case-key-store.ts'
import { prepareDirectory } from '../../src/storage/directory-models.ts'
import { createDirectoryStore } from '../../src/storage/directory-store.ts'
import { createEvidenceStore, prepareEvidence } from '../../src/storage/evidence-store.ts'
import { prepareLanes } from '../../src/storage/lane-models.ts'
import { createLaneStore } from '../../src/storage/lane-store.ts'
import { createLedgerIntake } from '../../src/storage/ledger-store.ts'
import { prepareRevocations } from '../../src/storage/revocation-models.ts'
import { createRevocationStore } from '../../src/storage/revocation-store.ts'
import { createServerClock } from '../../src/storage/server-clock.ts'
import { createTransactor } from '../../src/storage/transaction.ts'
import { createWatchStore } from '../../src/storage/watch-store.ts'
import { createVault } from '../../src/vault/vault.ts'
import { aCall } from './intake.ts'
import { ledgerOn } from './ledger.ts'
import type { Target } from './targets.ts'

const SOURCE = 'okta'

/** What a worker said of interest; the tests look at it. */
export interface Line {
  level: string
  fields: Record<string, unknown>
  message: string
}

/** The whole way from a committed change to a sealed proof, without HTTP in front. */
export async function engineOn(
  connection: Connection,
  options: {
    connectors: ReadonlyMap<string, Connector>
    secrets?: Readonly<Record<string, string>>
    leaseMs?: number
    onRevived?(revocation: Revocation): Promise<void>
    /** The workers are other processes than the intake: they are rung, not poked. */
    wake?: LaneWake
    /** A second process of a ledger that runs elsewhere: seals nothing. */
    beside?: { masterKey: Buffer; directory: string }
  },
) {
  for (const prepare of [
    prepareDirectory,
    prepareApps,
    prepareLanes,
    prepareRevocations,
    prepareEvidence,
  ]) {
    await prepare(connection)
  }
  const clock = await createServerClock(connection)
  const vault = createVault(Buffer.alloc(32, 1))
  const lanes = createLaneStore(connection)
  const revocations = createRevocationStore(connection)
  const caseKeys = createCaseKeyStore(connection, vault)
  const evidence = createEvidenceStore(connection, caseKeys)
  const apps = createAppStore(connection)
  const watch = createWatchStore(connection)
  const store = createDirectoryStore(connection)
  const transactor = createTransactor(connection)
  const intake = createLedgerIntake(connection, clock)
  const lines: Line[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  const workers: Worker[] = []
  const ledger = await ledgerOn(connection, {
    clock,
    ...options.beside,
    onSealed: async (entries, tx) => {
      await revocations.markSealed(entries, tx)
      for (const worker of workers) worker.onSealed()
    },
  })
  const runner = createConnectorRunner({
    connectors: options.connectors,
    secretsOf: async () => options.secrets ?? {},
    clock,
  })
  const directory = createDirectory({
    store,
    apps,
    lanes,
    revocations,
    ledger: intake,
    entries: ledger.writer,
    vault,
    transactor,
    clock,
    newId,
    facetsOf: (app) => options.connectors.get(app.connectorId)?.manifest.facets ?? [],
    onCommitted: () => {
      if (options.wake !== undefined) return options.wake.ring()
      for (const worker of workers) worker.poke()
    },
  })
  const startWorker = (holder = newId()): Worker => {
    const worker = createWorker({
      lanes,
      revocations,
      evidence,
      caseKeys,
      directory: store,
      apps,
      connectors: options.connectors,
      runner,
      vault,
      entries: ledger.writer,
      ledger: intake,
      transactor,
      clock,
      holder,
      newId,
      log: { info: at('info'), warn: at('warn'), error: at('error') },
      onEnqueued: () => ledger.ledger.poke(),
      oldestWaitingMs: async () => (await ledger.store.waiting()).ageMs,
      watch,
      // What is found while a ring would be heard was not found by polling.
      ...(options.wake === undefined ? {} : { wake: options.wake, wokenMs: 600_000 }),
      ...(options.onRevived === undefined ? {} : { onRevived: options.onRevived }),
      ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
    })
    workers.push(worker)
    worker.start()
    return worker
  }
  if (options.beside === undefined) ledger.ledger.start()
  return {
    clock,
    vault,
    lanes,
    revocations,
    evidence,
    caseKeys,
    apps,
    runner,
    watch,
    directory,
    transactor,
    ledger,
    lines,
    startWorker,
    register: async (
      target: Pick<Target, 'url'>,
      more: Partial<AppRecord> = {},
    ): Promise<AppRecord> => {
      const id = newId()
      const app: AppRecord = {
        id,
        name: `app ${id}`,
        connectorId: 'target',
        config: { url: target.url },
        scope: { kind: 'everyone' },
        class: 2,
        owners: ['owner@example.com'],
        state: 'active',
        allowNetworks: ['127.0.0.0/8'],
        createdAt: 0,
        updatedAt: 0,
        version: 1,
        ...more,
      }
      await apps.insert(app)
      apps.invalidate()
      return app
    },
    hire: async (userName: string): Promise<string> => {
      const user = await directory.createUser(aCall(SOURCE), { userName, active: true })
      return user.id
    },
    setActive: async (userId: string, active: boolean): Promise<void> => {
      await directory.changeUser(aCall(SOURCE), userId, (before) => ({
        ...before.resource,
        active,
      }))
    },
    of: async (userId: string) => {
      const page = await revocations.list({ sourceId: SOURCE, userId }, { limit: 500 })
      return page.items
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.stop()))
      await ledger.ledger.stop()
      await runner.close()
      await ledger.cleanUp()
    },
  }
}

export type Engine = Awaited<ReturnType<typeof engineOn>>
