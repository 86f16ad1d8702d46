import { type Effect, type Fault, isConnectorError } from '../connector-sdk/contract.ts'
import { HubError } from '../shared/errors.ts'
import { LeaseLost } from './hold.ts'

/** A failed call in the words of the fault table. */
export interface CallFault {
  fault: Fault
  effect: Effect
  retryAfterMs?: number
}

/**
 * Reads a failure of a call onto an app. What is not the app's (storage away, lease lost) is thrown on.
 *
 * @param wrote false for reads: they change nothing, however they end
 */
export function faultOf(error: unknown, wrote: boolean): CallFault {
  if (error instanceof HubError || error instanceof LeaseLost) throw error
  if (!isConnectorError(error)) return { fault: 'bug', effect: wrote ? 'unknown' : 'none' }
  const { fault, effect, retryAfterMs } = error
  return {
    // "Not found" to a listing or a correlation is no answer about a handle.
    fault: fault === 'gone' && !wrote ? 'bug' : fault,
    effect: wrote ? effect : 'none',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}
