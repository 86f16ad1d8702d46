import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, MINUTE } from '../shared/clock.ts'
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
const IDLE_MS = 1_000
const HEARTBEAT_MS = 10 * MINUTE

/** Publishes a signed checkpoint within a second of each growth, from the process that seals. */
export function createPublisher(options: {
  signer: Signer
  store: Pick<LogReadStore, 'head' | 'checkpoint'> & CheckpointStore
  clock: Clock
  /** Only the process with the lease publishes. */
  leading: () => boolean
  /** Nobody tells this process that the log has grown: it looks for itself. */
  alone?: boolean
  log?: LedgerLog
}): Publisher {
  const { signer, store, clock, leading, alone = false, log = silentLog } = options
  let last: StoredCheckpoint | undefined
  let refusal: SigningRefusal | undefined
  let wake = new AbortController()
  let running: Promise<void> | undefined
  let stopping = false
  let grown = true

  const publish = async (): Promise<StoredCheckpoint | undefined> => {
    if (alone) {
      last = await store.checkpoint()
      const { size } = (await store.head()).edge
      // An empty log has nothing to say yet.
      if (size === 0) return undefined
      grown = size !== last?.size
    }
    last ??= await store.checkpoint()
    const fresh = last !== undefined && clock.now() - last.at < HEARTBEAT_MS
    if (!grown && fresh) return undefined
    grown = false
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
      try {
        if (leading()) await publish()
        else last = undefined
      } catch (error) {
        log.warn({ err: error }, 'publishing a checkpoint failed; it is tried again')
      }
      if (!signal.aborted) {
        await sleep(IDLE_MS, undefined, { signal }).catch((error: unknown) => {
          if (!signal.aborted) throw error
        })
      }
      if (signal.aborted) wake = new AbortController()
      if (!stopping) await sleep(INTERVAL_MS)
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
      if (grown && leading()) await publish()
    },
    poke: () => {
      grown = true
      wake.abort()
    },
  }
}
