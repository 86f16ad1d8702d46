import { type Clock, type Instant, SECOND } from '../shared/clock.ts'
import { type LedgerLog, silentLog } from './log.ts'
import { type Repeated, repeat } from './repeat.ts'
import type { SigningRefusal } from './signer.ts'
import type { WormStatus } from './worm-copy.ts'

/** What the signer's process says of itself, for processes that only read. */
export interface SignerReport {
  /** When it said so: it does every half minute, and within five seconds of each change. */
  at: Instant
  /** Why nothing is signed. */
  refused: SigningRefusal | undefined
  /** Undefined when no write-once copy is kept. */
  worm: WormStatus | undefined
}

export interface SignerReportStore {
  putSignerReport(report: SignerReport): Promise<void>
  signerReport(): Promise<SignerReport | undefined>
}

export interface SignerReporter extends Repeated {
  /** One look without the loop. */
  round(): Promise<void>
}

const LOOK_MS = 5 * SECOND
const REPEAT_MS = 30 * SECOND

/**
 * Writes the signer's state where every process can read it.
 *
 * @param options.state undefined while another process signs
 */
export function createSignerReporter(options: {
  store: Pick<SignerReportStore, 'putSignerReport'>
  state: () => Omit<SignerReport, 'at'> | undefined
  clock: Clock
  log?: LedgerLog
}): SignerReporter {
  const { store, state, clock, log = silentLog } = options
  let said = ''
  let saidAt = 0

  const round = async (): Promise<void> => {
    const now = state()
    if (now === undefined) return
    const words = JSON.stringify(now)
    const at = clock.now()
    if (words === said && at - saidAt < REPEAT_MS) return
    await store.putSignerReport({ ...now, at })
    said = words
    saidAt = at
  }

  const loop = repeat(
    round,
    () => LOOK_MS,
    (error) => log.warn({ err: error }, "the signer's state was not written; it is tried again"),
  )
  return { ...loop, round }
}
