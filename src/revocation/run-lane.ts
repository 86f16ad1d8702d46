import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectorRunner, OpenApp } from '../connector-sdk/runner.ts'
import type { DirectoryStore } from '../directory/store.ts'
import { assertNever } from '../shared/assert-never.ts'
import type { Clock } from '../shared/clock.ts'
import type { Vault } from '../vault/vault.ts'
import { createAppCalls } from './app-call.ts'
import { type CallFault, faultOf } from './call-fault.ts'
import type { EvidenceStore } from './evidence.ts'
import { type Hold, LeaseLost } from './hold.ts'
import type { LaneRun } from './lane-run.ts'
import { nextStep, type Step } from './next-step.ts'
import type { ProjectionStore } from './projection-store.ts'
import { runRestore } from './run-restore.ts'
import { runUnit } from './run-unit.ts'
import type { AppRecord } from './types.ts'
import { choiceOf } from './work.ts'

/** A settle time or quarantine this short is waited out with the lane in hand; ms. */
const LINGER_MS = 1_500

export interface LaneRunDeps extends Pick<LaneRun, 'lanes'> {
  runner: Pick<ConnectorRunner, 'open'>
  evidence: Pick<EvidenceStore, 'seal'>
  cases: Pick<ProjectionStore, 'subject'>
  directory: Pick<DirectoryStore, 'listUsers'>
  vault: Pick<Vault, 'seal' | 'open'>
  clock: Clock
  random: () => number
}

/** Asked between two steps, and told about faults of the app. */
export interface RunControl {
  /** True: give the lane back. */
  stopping(): boolean
  /** Aborted when the call under way must end, too. */
  stop: AbortSignal
  pace: () => Promise<void>
  /** How a call onto the app ended. */
  report: (fault?: CallFault) => void
}

/**
 * Does everything that can be done now about a leased lane, then gives it back.
 *
 * @param opening the app as opened for several lanes at once
 * @throws LeaseLost, HubError ERR_STORAGE_UNAVAILABLE: the lane is then left to the reaper
 */
export async function runLane(
  deps: LaneRunDeps,
  app: AppRecord,
  hold: Hold,
  control: RunControl,
  opening = openApp(deps, app),
): Promise<void> {
  const open = await opening
  const run = 'fault' in open ? undefined : laneRun(deps, open, hold, control)
  for (;;) {
    const lane = hold.lane()
    // A refused credential has given the lane back already.
    if (lane.lease === undefined) return
    // A process that was frozen: without this, what the lane refuses would be tried again and again, at once.
    if (hold.leftMs() <= 0) throw new LeaseLost(`the lease of ${lane.id} is over`)
    if (control.stopping()) {
      await hold.say({ kind: 'released', reason: 'shutdown' })
      return
    }
    const step = nextStep(lane, deps.clock.now())
    if (step.kind === 'rest') {
      const wait = step.until - deps.clock.now()
      if (wait > LINGER_MS || hold.leftMs() < wait + LINGER_MS) {
        await hold.say({ kind: 'released', reason: 'done' })
        return
      }
    }
    // What was judged is stored before the next call leaves: a proof does not wait for a slow app.
    if ((await hold.say()) !== lane) continue
    if (step.kind === 'rest') {
      await sleep(Math.max(step.until - deps.clock.now(), 1))
    } else if (run === undefined) {
      await refuse(hold, step, 'fault' in open ? open : { fault: 'bug', effect: 'none' }, deps)
    } else {
      await take(run, step)
    }
    if (step.kind !== 'rest' && hold.lane() === lane) {
      // A step that changes nothing would be taken again at once, for ever.
      await refuse(hold, step, { fault: 'bug', effect: 'none' }, deps)
      if (hold.lane() === lane)
        throw new LeaseLost(`the lane ${lane.id} takes no word of its holder`)
    }
  }
}

function laneRun(deps: LaneRunDeps, open: OpenApp, hold: Hold, control: RunControl): LaneRun {
  const calls = createAppCalls(open, hold, control)
  return { ...deps, open, hold, calls, pace: control.pace }
}

async function take(run: LaneRun, step: Exclude<Step, { kind: 'rest' }>): Promise<void> {
  switch (step.kind) {
    case 'unit':
      return runUnit(run, step.unit)
    case 'restore':
      return runRestore(run, step.undo)
    default:
      return assertNever(step)
  }
}

/** An app that cannot even be opened (configuration, missing secret, no connector) still owes its revocations. */
export async function openApp(
  deps: Pick<LaneRunDeps, 'runner'>,
  app: AppRecord,
): Promise<OpenApp | CallFault> {
  try {
    return await deps.runner.open(app)
  } catch (error) {
    return faultOf(error, false)
  }
}

async function refuse(
  hold: Hold,
  step: Exclude<Step, { kind: 'rest' }>,
  fault: CallFault,
  deps: LaneRunDeps,
): Promise<void> {
  const jitter = deps.random()
  if (step.kind === 'unit') {
    const { revocationId, facet } = step.unit
    const choice = choiceOf(step.unit)
    await hold.say({ kind: 'faulted', revocationId, ...choice, facet, jitter, ...fault })
    return
  }
  const { facet, handleId } = step.undo
  await hold.say({
    kind: 'sent',
    what: { op: 'restore', facet },
    handleId,
    quarantineMs: 0,
    reversible: false,
  })
  await hold.say({ kind: 'faulted', facet, jitter, ...fault, effect: 'none' })
}
