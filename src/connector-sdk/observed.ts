import type { AccountKeys } from './compare-keys.ts'
import type { Evidence, Handle, Observation } from './contract.ts'

/** What was seen of a handle, at the time of its evidence. */
export function observed(
  handle: Handle,
  state: Observation['state'],
  evidence: Evidence,
  keys?: AccountKeys,
): Observation {
  return { handle, state, at: evidence.at, evidence, ...(keys === undefined ? {} : { keys }) }
}
