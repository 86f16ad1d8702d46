import { ConnectorError, type Handle } from '../connector-sdk/contract.ts'
import { faultOf } from './call-fault.ts'
import { LeaseLost } from './hold.ts'
import type { Undo } from './lane.ts'
import type { LaneRun } from './lane-run.ts'
import { specOf } from './lane-run.ts'

/**
 * Puts back one thing that the hub itself took, and nothing else.
 *
 * @throws LeaseLost, HubError ERR_STORAGE_UNAVAILABLE
 */
export async function runRestore(run: LaneRun, undo: Undo): Promise<void> {
  const { hold, open } = run
  const handle: Handle = { facet: undo.facet, id: undo.handleId }
  const facts = factsOf(run, undo)
  await run.pace()
  const lane = await hold.say({
    kind: 'sent',
    what: { op: 'restore', facet: undo.facet },
    handleId: undo.handleId,
    quarantineMs: open.connector.manifest.quarantineMs,
    reversible: specOf(run, undo.facet)?.reversible ?? false,
  })
  if (lane.inflight?.op !== 'restore' || lane.inflight.fence !== lane.fence) return
  if (hold.leftMs() <= 0) throw new LeaseLost(`the lease of ${lane.id} is over`)
  try {
    const { restore } = open.connector
    if (restore === undefined)
      throw new ConnectorError('unsupported', 'this app cannot be restored')
    const ack = await run.calls.write(undo.facet, (call) => restore(handle, facts, call))
    await hold.say({ kind: 'acked', ack: ack.kind, evidence: '', settleMs: 0 })
  } catch (error) {
    const fault = faultOf(error, true)
    await hold.say({ kind: 'faulted', facet: undo.facet, jitter: run.random(), ...fault })
  }
}

/** Without facts the answer of the revoke was lost: the connector then puts back its default. */
function factsOf(run: LaneRun, { sealed, wrapped }: Undo): { [key: string]: unknown } {
  if (sealed === undefined || wrapped === undefined) return {}
  const facts = run.vault.open({ sealed, wrapped }, `undo:${run.hold.lane().id}`)
  return JSON.parse(facts.toString('utf8')) as { [key: string]: unknown }
}
