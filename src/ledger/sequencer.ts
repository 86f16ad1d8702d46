import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, SECOND } from '../shared/clock.ts'
import { coalescedWait } from '../shared/coalesced-wait.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Admission, KnownWriter } from './admission.ts'
import { createBatchReader, withAnnounced } from './batch-reader.ts'
import type { OnSealed, PendingEntry } from './intake.ts'
import { type AnnouncedKey, buildKeyring, type Keyring } from './keyring.ts'
import { createLease } from './lease.ts'
import { type LedgerLog, silentLog } from './log.ts'
import type { LogHead, RefusedEntry, SealBatch, SealedEntry, SequencerStore } from './store.ts'
import { append, edgeRoot, leafHash } from './tree.ts'

export interface SequencerOptions {
  store: SequencerStore
  /** Name of the log. */
  origin: string
  /** The log's own key and its predecessors: the roots of trust for all others. */
  logKeys: readonly AnnouncedKey[]
  /**
   * `log.genesis` and `log.key` entries of this start; those not in the log yet are sealed first. Empty where the
   * signer is another process: it puts them into the intake, and nothing is sealed before they are there.
   */
  announcements: readonly PendingEntry[]
  /** Rows of this hub's own processes are known by their mac; without it each signature is verified. */
  known?: KnownWriter
  onSealed: OnSealed
  /** The database's clock: leases of several processes are compared. */
  clock: Clock
  /** This process. */
  holder: string
  /** Rows per transaction; 1 to 2000. */
  batch?: number
  /** How long a lease holds; another process takes over so long after a crash. */
  leaseMs?: number
  /** How long until the next look while nothing comes, asked each time; at most half of a lease. By default 2 s. */
  idleMs?: () => number
  log?: LedgerLog
  /** Called after each commit that made the log longer. */
  onGrowth?: () => void
}

export type Tick =
  | { kind: 'sealed'; count: number; size: number }
  | { kind: 'idle' }
  /** Another process has the lease. */
  | { kind: 'standby' }
  /** Another process moved the head; nothing of ours was written. */
  | { kind: 'fenced' }

export interface Sequencer {
  start(): void
  /** Ends the loop after the batch under way; the lease is kept, so that the end of the log can be published. */
  finish(): Promise<void>
  /** Finishes and gives the lease back. */
  stop(): Promise<void>
  /** One round; the loop calls it. Never two at a time. */
  tick(): Promise<Tick>
  /** Says that rows are waiting, or will be in a moment. */
  poke(): void
  /** Does this process hold the lease, as far as it knows? */
  leading(): boolean
}

const BUSY_POLL_MS = 200
const IDLE_POLL_MS = 2 * SECOND
/** When entries come by the dozen, one transaction seals all that came within this; ms. */
const MANY = 24
const MANY_REST_MS = 300
/** After work or a word of it, rows of other processes are likely: look often for this long. */
const BUSY_FOR_MS = 5 * SECOND

/**
 * Seals waiting entries into the tree, a batch per transaction. Any number of processes may run one: the
 * lease keeps them from doing the same work, the compare-and-swap of the head keeps them from harm.
 */
export function createSequencer(options: SequencerOptions): Sequencer {
  const { store, origin, onSealed, clock, batch = 1_000, log = silentLog } = options
  const { idleMs = () => IDLE_POLL_MS } = options
  const lease = createLease({ ...options, task: 'sealing' })
  let keyring: Keyring | undefined
  let busyUntil = 0
  let wake = new AbortController()
  const waiting = createBatchReader({ store, origin, batch, known: options.known })
  let running: Promise<void> | undefined
  let stopping = false
  const ended = new AbortController()

  const openTerm = async (): Promise<Keyring> => {
    const leaves = await store.keyLeaves()
    const built = await buildKeyring(options.logKeys, leaves)
    if (leaves.length > 0 && built.refused.length === leaves.length) {
      throw new HubError('ERR_LEDGER', `this log key did not begin the log ${origin}`)
    }
    if (built.refused.length > 0) {
      log.error(
        { refused: built.refused },
        'the log holds key entries that its own key did not sign',
      )
    }
    const ids = options.announcements.map((entry) => entry.eid)
    const known = await store.sealed(ids)
    const missing = options.announcements.filter((entry) => !known.has(entry.eid))
    const ring = await withAnnounced(built.keyring, missing)
    if (missing.length > 0) await sealRows(missing)
    await takeBack(ring)
    return ring
  }

  const tick = async (): Promise<Tick> => {
    const term = await lease.hold()
    // A new term starts with a fresh look at the log: another process may have added keys.
    if (term !== 'held') keyring = undefined
    if (term === 'away') {
      waiting.forget()
      return { kind: 'standby' }
    }
    keyring ??= await openTerm()
    const read = await waiting.next(keyring)
    const { rows, decisions, ring } = read
    if (rows.length === 0 || (await notBegun(rows))) return { kind: 'idle' }
    keyring = ring
    await setAside(decisions.filter((decision) => decision.kind === 'refused'))
    const admitted = decisions.flatMap((d) => (d.kind === 'admitted' ? [d.entry] : []))
    if (admitted.length === 0) return { kind: 'idle' }
    waiting.readAhead(read)
    let outcome: Tick
    try {
      outcome = await sealRows(admitted)
    } catch (error) {
      // Perhaps sealed, perhaps not: what comes next is read again.
      waiting.forget()
      throw error
    }
    if (outcome.kind === 'sealed' && admitted.some((row) => row.type === 'log.key')) {
      await takeBack(ring)
    }
    return outcome
  }

  const takeBack = async (ring: Keyring): Promise<void> => {
    const back = await store.takeBack([...ring.keys()])
    if (back > 0) log.warn({ rows: back }, 'rows that were set aside are tried again')
  }

  /** Another process announces the keys: until it has, every row would be of an unknown one. */
  const notBegun = async (rows: readonly PendingEntry[]): Promise<boolean> =>
    options.announcements.length === 0 &&
    rows[0]?.type !== 'log.genesis' &&
    (await store.head()).edge.size === 0

  const sealRows = async (rows: readonly PendingEntry[]): Promise<Tick> => {
    const head = await store.head()
    const step = extend(head, rows, clock.now())
    let outcome: 'sealed' | 'fenced'
    try {
      outcome = await store.seal(step, onSealed)
    } catch (error) {
      return await withoutCulprit(rows, error)
    }
    if (outcome === 'fenced') {
      lease.forget()
      keyring = undefined
      waiting.forget()
      return { kind: 'fenced' }
    }
    options.onGrowth?.()
    return { kind: 'sealed', count: rows.length, size: step.to.edge.size }
  }

  /** One row whose effects fail must not keep the others out of the log: halve until it stands alone. */
  const withoutCulprit = async (rows: readonly PendingEntry[], error: unknown): Promise<Tick> => {
    if (isHubError(error, 'ERR_STORAGE_UNAVAILABLE', 'ERR_SHUTTING_DOWN')) throw error
    const sealed = await store.sealed(rows.map((row) => row.eid))
    if (sealed.size > 0) {
      // Sealed before: a repeated attempt that overtook its own first one.
      await store.dropDuplicates([...sealed])
      const fresh = rows.filter((row) => !sealed.has(row.eid))
      return fresh.length === 0 ? { kind: 'idle' } : await sealRows(fresh)
    }
    const [only] = rows
    if (rows.length > 1) {
      const middle = Math.ceil(rows.length / 2)
      const first = await sealRows(rows.slice(0, middle))
      if (first.kind === 'fenced') return first
      const second = await sealRows(rows.slice(middle))
      return second.kind === 'idle' ? first : second
    }
    if (only === undefined) throw error
    await setAside([{ kind: 'refused', entry: only, reason: 'effects-failed' }], error)
    return { kind: 'idle' }
  }

  const setAside = async (
    refusals: readonly Extract<Admission, { kind: 'refused' }>[],
    error?: unknown,
  ): Promise<void> => {
    if (refusals.length === 0) return
    const rows = refusals.map(
      ({ entry, reason, kid }): RefusedEntry => ({
        entry,
        reason,
        ...(kid === undefined ? {} : { kid }),
      }),
    )
    await store.setAside(rows, clock.now())
    for (const { entry, reason, kid } of rows) {
      log.error({ eid: entry.eid, reason, kid, err: error }, 'an entry was refused and set aside')
    }
  }

  const pauseAfter = (outcome: Tick['kind'] | 'failed'): number => {
    if (outcome === 'failed' || outcome === 'standby') return IDLE_POLL_MS
    return clock.now() > busyUntil ? idleMs() : BUSY_POLL_MS
  }

  const loop = async (): Promise<void> => {
    while (!stopping) {
      const { signal } = wake
      let outcome: Tick['kind'] | 'failed'
      let count = 0
      try {
        const ticked = await tick()
        outcome = ticked.kind
        if (ticked.kind === 'sealed') count = ticked.count
      } catch (error) {
        outcome = 'failed'
        log.warn({ err: error }, 'sealing failed; it is tried again')
      }
      if (outcome === 'sealed') {
        busyUntil = clock.now() + BUSY_FOR_MS
        // A full batch means that more is waiting.
        if (count >= MANY && count < batch && !stopping) await pause(MANY_REST_MS, ended.signal)
        continue
      }
      await pause(pauseAfter(outcome), signal)
      if (signal.aborted) wake = new AbortController()
    }
  }

  const finish = async (): Promise<void> => {
    stopping = true
    ended.abort()
    wake.abort()
    await running
    await waiting.settled()
  }

  return {
    tick,
    start: () => {
      running ??= loop()
    },
    finish,
    stop: async () => {
      await finish()
      await lease.release()
    },
    poke: () => {
      busyUntil = clock.now() + BUSY_FOR_MS
      wake.abort()
    },
    leading: () => lease.held(),
  }
}

/** The log after these rows. Time does not go backwards, whatever the clock says. */
function extend(head: LogHead, rows: readonly PendingEntry[], now: number): SealBatch {
  const hashes = rows.map((row) => leafHash(row.leaf))
  const { edge, tiles } = append(head.edge, hashes)
  const entries = rows.map(
    (row, i): SealedEntry => ({
      ...row,
      index: head.edge.size + i,
      leafHash: (hashes[i] as Buffer).toString('hex'),
    }),
  )
  const at = Math.max(head.at + 1, now)
  return { from: head, to: { edge, root: edgeRoot(edge), at }, entries, tiles }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(coalescedWait(ms, performance.now()), undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
