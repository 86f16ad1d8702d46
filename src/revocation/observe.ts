import { type Handle, isConnectorError, type Observation } from '../connector-sdk/contract.ts'
import type { LaneRun } from './lane-run.ts'

/**
 * Reads one handle with the witness credential. Dated by the start of the call, on the hub's clock: never fresher than
 * it is.
 *
 * @throws ConnectorError, LeaseLost
 */
export async function observe(run: LaneRun, handle: Handle): Promise<Observation> {
  const at = run.clock.now()
  const { connector } = run.open
  try {
    const seen = await run.calls.read(handle.facet, (call) => connector.observe(handle, call))
    return { ...seen, at }
  } catch (error) {
    // Some apps' clients throw their "not found"; as an answer it is `absent`, and no better than that.
    if (isConnectorError(error) && error.fault === 'gone' && error.evidence !== undefined) {
      return { handle, state: 'absent', at, evidence: error.evidence }
    }
    throw error
  }
}
