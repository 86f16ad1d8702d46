import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, MINUTE, SECOND } from '../shared/clock.ts'
import { coalescedWait } from '../shared/coalesced-wait.ts'
import { type LedgerLog, silentLog } from './log.ts'
import type { Signer, SigningRefusal, SignOutcome } from './signer.ts'
import type { CheckpointStore, LogReadStore, StoredCheckpoint } from './store.ts'

export interface Publisher {
  start(): void
  stop(): Promise<void>
  /** Says that the log has grown. */
  poke(): void
  /** Signs and publishes when the log has grown, or when the last checkpoint is ten minutes old. */
  publish(): Promise<StoredCheckpoint | undefined>
  /** Why the last attempt was refused; undefined when it was not. */
  refused(): SigningRefusal | undefined
}

/** At most one checkpoint in this time; growth in between shares the next one. */
const INTERVAL_MS = 400
/** Where nobody tells of growth, and after a failure. */
const LOOK_MS = 1 * SECOND
/** Where growth is told, and while another process signs: the lease is looked after. */
const IDLE_MS = 5 * SECOND
const HEARTBEAT_MS = 10 * MINUTE

/**
 * Publishes a signed checkpoint within a second or two of each growth; just after another process has begun to seal,
 * within five.
 */
export function createPublisher(options: {
  signer: Signer
  store: Pick<LogReadStore, 'head' | 'checkpoint'> & CheckpointStore
  clock: Clock
  /** Only one process publishes at a time. */
  leading: () => Promise<boolean>
  /** Does another process seal? Then nobody tells this one that the log has grown: it looks for itself. */
  alone: () => boolean
  log?: LedgerLog
}): Publisher {
  const { signer, store, clock, leading, alone, log = silentLog } = options
  let last: StoredCheckpoint | undefined
  let refusal: SigningRefusal | undefined
  let wake = new AbortController()
  let running: Promise<void> | undefined
  let stopping = false
  let grown = true

  const publish = async (): Promise<StoredCheckpoint | undefined> => {
    const isTold = !alone()
    if (!isTold || last === undefined) last = await store.checkpoint()
    const size = isTold ? undefined : (await store.head()).edge.size
    // An empty log of somebody else has nothing to say yet.
    if (size === 0) return undefined
    const fresh = last !== undefined && clock.now() - last.at < HEARTBEAT_MS
    if (fresh && (isTold ? !grown : size === last?.size)) return undefined
    // What others seal is not told: the first look of a process that begins to seal is for that.
    grown = !isTold
    try {
      const outcome = await signer.sign()
      note(outcome)
      if (outcome.kind === 'refused') return undefined
      const { checkpoint } = outcome
      if (fresh && last?.size === checkpoint.size) return undefined
      await store.putCheckpoint(checkpoint)
      last = checkpoint
      return checkpoint
    } catch (error) {
      grown = true
      throw error
    }
  }

  const note = (outcome: SignOutcome): void => {
    const reason = outcome.kind === 'refused' ? outcome.reason : undefined
    if (outcome.kind === 'refused' && reason !== refusal) {
      log.error(
        { reason, size: outcome.size, signedSize: outcome.signedSize },
        'the signer refuses the log: nothing is published until a person has looked',
      )
    }
    refusal = reason
  }

  const loop = async (): Promise<void> => {
    while (!stopping) {
      const { signal } = wake
      let pauseMs = IDLE_MS
      try {
        if (await leading()) {
          await publish()
          if (alone()) pauseMs = LOOK_MS
        } else last = undefined
      } catch (error) {
        pauseMs = LOOK_MS
        log.warn({ err: error }, 'publishing a checkpoint failed; it is tried again')
      }
      if (!signal.aborted) {
        const pause = coalescedWait(pauseMs, performance.now())
        await sleep(pause, undefined, { signal }).catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
      }
      if (signal.aborted) {
        wake = new AbortController()
        if (!stopping) await sleep(INTERVAL_MS)
      }
    }
  }

  return {
    publish,
    refused: () => refusal,
    start: () => {
      running ??= loop()
    },
    stop: async () => {
      stopping = true
      wake.abort()
      await running
      // What was sealed last is published too.
      if (grown && (await leading())) await publish()
    },
    poke: () => {
      grown = true
      wake.abort()
    },
  }
}
