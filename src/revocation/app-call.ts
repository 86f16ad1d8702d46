import { performance } from 'node:perf_hooks'
import type { CallContext, Facet } from '../connector-sdk/contract.ts'
import type { OpenApp } from '../connector-sdk/runner.ts'
import { type CallFault, faultOf } from './call-fault.ts'
import type { Hold } from './hold.ts'
import { stepKey } from './step-key.ts'

/** Calls of one leased lane onto its app: never longer than the app allows, nor than the lease lasts. */
export interface AppCalls {
  /** Reads with the witness credential where there is one. */
  read<T>(facet: Facet, call: (context: CallContext) => Promise<T>): Promise<T>
  /** Writes with the doer credential. */
  write<T>(facet: Facet, call: (context: CallContext) => Promise<T>): Promise<T>
}

/**
 * @param options.stop aborted when the process must go
 * @param options.pace waits until the app's rate allows one more call
 * @param options.report told how each call ended
 */
export function createAppCalls(
  open: OpenApp,
  hold: Hold,
  options: { stop: AbortSignal; pace: () => Promise<void>; report: (fault?: CallFault) => void },
): AppCalls {
  const { timeoutMs } = open.connector.manifest.limits

  const made = async <T>(
    credential: 'doer' | 'witness',
    facet: Facet,
    call: (context: CallContext) => Promise<T>,
  ): Promise<T> => {
    // Before the lease is asked: a process that is frozen between the two must not add the time to it.
    const now = performance.now()
    const budget = Math.floor(Math.min(timeoutMs, hold.leftMs()))
    // A frozen process sends what it was about to send before it sees that its timer is over.
    const deadline = now + budget
    const limit = limited(options.stop, Math.max(budget, 0))
    const lane = hold.lane()
    const idempotencyKey = stepKey(lane, facet)
    // What a return puts back is owed to somebody who works here: it is no part of the case that may be erased.
    const offboardingId = lane.current?.op === 'revoke' ? lane.current.offboardingId : undefined
    try {
      const answer = await call(
        open.call({
          credential,
          idempotencyKey,
          signal: limit.signal,
          deadline,
          ...(offboardingId === undefined ? {} : { offboardingId }),
        }),
      )
      options.report()
      return answer
    } catch (error) {
      options.report(faultOf(error, credential === 'doer'))
      throw error
    } finally {
      limit.end()
    }
  }

  return {
    read: async (facet, call) => {
      await options.pace()
      return made(open.hasWitness ? 'witness' : 'doer', facet, call)
    },
    // Paced by the caller, before it says `sent`: what is announced must leave at once.
    write: (facet, call) => made('doer', facet, call),
  }
}

/** Aborted by `stop` or after `ms`. By hand: `AbortSignal.any` costs several times as much, four times a revocation. */
function limited(stop: AbortSignal, ms: number): { signal: AbortSignal; end(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  // biome-ignore lint/style/noRestrictedGlobals: the worker owns timers
  const timer = setTimeout(abort, ms)
  if (stop.aborted) abort()
  else stop.addEventListener('abort', abort)
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', abort)
    },
  }
}
