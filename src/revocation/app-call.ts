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
    const budget = Math.floor(Math.min(timeoutMs, hold.leftMs()))
    const signal = AbortSignal.any([options.stop, AbortSignal.timeout(Math.max(budget, 0))])
    const idempotencyKey = stepKey(hold.lane(), facet)
    try {
      const answer = await call(open.call({ credential, idempotencyKey, signal }))
      options.report()
      return answer
    } catch (error) {
      options.report(faultOf(error, credential === 'doer'))
      throw error
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
