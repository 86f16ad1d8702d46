import { ConnectorError, type Effect, type Evidence, type Fault } from './contract.ts'
import { transportCode, transportFault } from './transport-fault.ts'

/**
 * An error of our own that came up inside a driver's work (a deadline, a refused address): nothing the server said
 * stands behind it, so it counts as what the work may have changed by then.
 *
 * @param mayHaveDone what the failed work may have changed
 */
export function withEffect(error: ConnectorError, mayHaveDone: Effect): ConnectorError {
  const { fault, message, evidence, effect } = error
  if (evidence !== undefined || effect === 'none') return error
  return new ConnectorError(fault, message, { effect: mayHaveDone, cause: error })
}

/**
 * The connection to a server failed, and with it the answer.
 *
 * @param what what could not be done: "lock the user"
 * @param options.fault where the driver knows it better than the error's code
 */
export function connectionFailed(
  error: Error,
  what: string,
  options: { evidence: Evidence; mayHaveDone: Effect; fault?: Fault },
): ConnectorError {
  const { evidence, mayHaveDone, fault = transportFault(error) } = options
  const code = transportCode(error)
  const why = code === '' ? 'the connection failed' : `the connection failed (${code})`
  return new ConnectorError(fault, `could not ${what}: ${why}`, {
    // Wrong by set-up: it never stood.
    effect: fault === 'invalid' ? 'none' : mayHaveDone,
    evidence,
    cause: error,
  })
}
