import type { Express } from 'express'
import { createHeartbeatRecorder } from '../auth/heartbeat-recorder.ts'
import type { ProcessRole } from '../config/config.ts'
import { reopenDrifted } from '../intake/drift.ts'
import { createLeaveOpener } from '../intake/leave-opener.ts'
import type { UserChangeDeps } from '../intake/user-changes.ts'
import { createWorker, type Worker } from '../revocation/worker.ts'
import { SECOND, systemClock } from '../shared/clock.ts'
import { newId } from '../shared/ids.ts'
import { type Alerting, cameBack, createAlerting } from './alerting.ts'
import { createChanges } from './changes.ts'
import { createHttp } from './http.ts'
import { policyOf } from './ledger-parties.ts'
import { createLedgerRole } from './ledger-role.ts'
import { inOrder, type Service, sideBySide } from './lifecycle.ts'
import { createParts, type HubOptions, type Parts } from './parts.ts'
import { createProofWatch } from './proof-watch.ts'
import { stormRelease } from './storms.ts'
import { tracedChanges } from './traced-changes.ts'
import { createWaiverCare } from './waivers.ts'

export type { HubOptions } from './parts.ts'

/** One process of the hub: its HTTP interface, and the roles it plays. */
export interface Hub extends Service {
  /** Never listens; the caller does. Answers 404 on SCIM and API paths without the web role. */
  app: Express
  /** The log's public key (vkey), when this process signs. */
  ledgerKey: string | undefined
  /** Takes on no more work and gives back what is under way, within 8 s; requests are still answered. */
  drain(): Promise<void>
  /** Drains, and stops the rest. */
  stop(): Promise<void>
}

/** How often the database's clock is asked again. */
const CLOCK_REFRESH_MS = 10 * SECOND

/** The composition root: the one place that knows everybody. */
export async function createHub(options: HubOptions): Promise<Hub> {
  const parts = await createParts(options)
  const { config, stores, runner, tracing, log } = parts
  const has = (role: ProcessRole): boolean => config.roles.includes(role)
  const ledgerPolicy = await policyOf(config.ledgerPolicyFile)
  const alerting = createAlerting(parts)

  // The two roles wake each other; either may be absent in this process.
  let worker: Worker | undefined
  /** Work may be due: here it is looked for at once, elsewhere a moment later. */
  const poke = (): void => {
    parts.wake.ring()
    worker?.poke()
  }
  const proofs = createProofWatch({ ...parts, clock: stores.clock })
  const sealing = { ...parts, stores: { ...stores, ledger: proofs.over(stores.ledger) } }
  const ledger = await createLedgerRole(sealing, {
    policy: ledgerPolicy,
    onSealed: async (sealed, tx) => {
      await stores.revocations.markSealed(sealed, tx, proofs.keep)
      worker?.onSealed()
    },
  })
  const committed = (): void => {
    poke()
    ledger?.poke?.()
  }
  const changes = tracedChanges(createChanges(parts, committed), tracing)
  if (has('worker')) {
    worker = workerRole(parts, { alerting, changes, onEnqueued: () => ledger?.poke?.() })
  }
  const watch = has('worker') ? alerting.watch() : undefined
  const leaves = has('worker')
    ? createLeaveOpener({ ...changes, leaves: stores.leaves, log })
    : undefined
  const waivers = has('worker') ? createWaiverCare(parts, changes) : undefined
  const storms = has('worker') ? stormRelease(parts, poke) : undefined
  const heartbeats = has('web')
    ? createHeartbeatRecorder({
        store: stores.heartbeats,
        clock: systemClock,
        onFailed: (error) => log.warn({ err: error }, 'a heartbeat was not written; it is kept'),
      })
    : undefined

  const work = sideBySide([worker, heartbeats, storms, waivers, leaves, watch])
  // What is at work hands over to the ledger.
  const services = inOrder([
    { start: () => {}, stop: tracing.stop },
    clockRefresh(parts),
    { start: () => {}, stop: () => runner.close() },
    ledger,
    work,
  ])
  return {
    app: await createHttp({
      ...parts,
      alerting,
      changes,
      heartbeats,
      ledger,
      ledgerPolicy,
      poke,
    }),
    ledgerKey: ledger?.verifierKeys?.log,
    ...services,
    drain: work.stop,
  }
}

function clockRefresh({ stores, log }: Parts): Service {
  let refreshing: NodeJS.Timeout | undefined
  return {
    start: () => {
      refreshing = setInterval(() => {
        stores.clock.refresh().catch((error: unknown) => log.warn({ err: error }, 'clock'))
      }, CLOCK_REFRESH_MS)
    },
    stop: async () => clearInterval(refreshing),
  }
}

function workerRole(
  { config, stores, connectors, runner, tracing, entries, vault, wake, holder, log }: Parts,
  parts: { alerting: Alerting; changes: UserChangeDeps; onEnqueued(): void },
): Worker {
  return createWorker({
    apps: stores.apps,
    connectors,
    runner,
    lanes: stores.lanes,
    revocations: stores.revocations,
    evidence: stores.evidence,
    caseKeys: stores.caseKeys,
    directory: stores.directory,
    entries,
    ledger: stores.intake,
    transactor: stores.transactor,
    vault,
    clock: stores.clock,
    holder,
    newId,
    log,
    onEnqueued: parts.onEnqueued,
    oldestWaitingMs: async () => (await stores.ledger.waiting()).ageMs,
    aroundLane: ({ appId, attempts, want, current }, work) =>
      tracing.continued(
        (want ?? current)?.trace,
        'claim',
        { 'quittance.app_id': appId, 'quittance.attempt': attempts },
        work,
      ),
    watch: stores.watch,
    wake,
    leaseMs: config.workerLeaseSeconds * SECOND,
    recordEscalation: parts.alerting.late,
    onRevived: async (revocation) => {
      const { raise } = parts.alerting
      // First: once the new case is there, nobody looks at the old one again who could tell it.
      const finding = cameBack(revocation)
      await raise(finding)
      const deps = { ...parts.changes, offboarding: stores.revocations.offboarding }
      if ((await reopenDrifted(deps, revocation)) === 'erased') {
        await raise({ ...finding, facts: { ...finding.facts, case: 'erased' } })
      }
    },
  })
}
