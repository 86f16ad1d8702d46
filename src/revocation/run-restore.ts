import { ConnectorError, type Handle } from '../connector-sdk/contract.ts'
import { faultOf } from './call-fault.ts'
import { LeaseLost } from './hold.ts'
import type { Undo } from './lane.ts'
import type { LaneRun } from './lane-run.ts'
import { specOf } from './lane-run.ts'
import { observe } from './observe.ts'

/**
 * Puts back one thing that the hub itself took, and nothing else; then looks whether it is back.
 *
 * @throws LeaseLost, HubError ERR_STORAGE_UNAVAILABLE
 */
export async function runRestore(run: LaneRun, undo: Undo): Promise<void> {
  return await (undo.told === true ? lookBack(run, undo) : putBack(run, undo))
}

async function putBack(run: LaneRun, undo: Undo): Promise<void> {
  const { hold, open } = run
  const handle: Handle = { facet: undo.facet, id: undo.handleId }
  const facts = factsOf(run, undo)
  const isTaken = await isGoneForOthers(run, undo)
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
    if (isTaken) throw new ConnectorError('ambiguous', 'it was taken from somebody else')
    const { restore } = open.connector
    if (restore === undefined)
      throw new ConnectorError('unsupported', 'this app cannot be restored')
    const ack = await run.calls.write(undo.facet, (call) => restore(handle, facts, call))
    const settleMs = specOf(run, undo.facet)?.settleMs ?? 0
    await hold.say({ kind: 'acked', ack: ack.kind, evidence: '', settleMs })
  } catch (error) {
    const fault = faultOf(error, true)
    await hold.say({ kind: 'faulted', facet: undo.facet, jitter: run.random(), ...fault })
  }
}

/**
 * Sources do not know of each other, and an app may know people of two by one account: what one gives back must not
 * be what another one took away.
 */
function isGoneForOthers({ hold, lanes }: LaneRun, { handleId }: Undo): Promise<boolean> {
  const { appId, sourceId } = hold.lane()
  return hold.patiently(() => lanes.goneForOthers({ appId, sourceId, handleId }))
}

async function lookBack(run: LaneRun, { facet, handleId }: Undo): Promise<void> {
  const look = { kind: 'looked-back', facet, handleId, jitter: run.random() } as const
  const spec = specOf(run, facet)
  if (spec === undefined || spec.observe === 'none') {
    await run.hold.note({ ...look, state: 'unobservable' })
    return
  }
  try {
    const { state } = await observe(run, { facet, id: handleId })
    await run.hold.note({ ...look, state })
  } catch (error) {
    const { retryAfterMs } = faultOf(error, false)
    await run.hold.note({
      ...look,
      state: 'unknown',
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
}

/** Without facts the answer of the revoke was lost: the connector then puts back its default. */
function factsOf(run: LaneRun, { sealed, wrapped }: Undo): { [key: string]: unknown } {
  if (sealed === undefined || wrapped === undefined) return {}
  const facts = run.vault.open({ sealed, wrapped }, `undo:${run.hold.lane().id}`)
  return JSON.parse(facts.toString('utf8')) as { [key: string]: unknown }
}
