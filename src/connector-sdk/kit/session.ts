import { strict as assert } from 'node:assert'
import { systemClock } from '../../shared/clock.ts'
import {
  type CallContext,
  type Connector,
  type ConnectorError,
  type FacetSpec,
  type Handle,
  isConnectorError,
} from '../contract.ts'
import { createConnectorRunner } from '../runner.ts'
import type { KitHarness, KitWorld } from './world.ts'

/** Exchanges end after this many ms in the kit: a machine under load must not fail a connector. */
const PATIENT_MS = 5_000
/** The same where no answer comes. */
const HURRIED_MS = 400

/** A connector opened on a fresh world. */
export interface KitSession {
  world: KitWorld
  connector: Connector
  facets: readonly FacetSpec[]
  doer: CallContext
  witness: CallContext
  preview: CallContext
  /** For exchanges that are to run out of time. */
  hurried(credential: 'doer' | 'witness'): Promise<CallContext>
  abort(): void
  handle(spec: FacetSpec): Handle
}

/** One case. @returns why it does not apply here; undefined when it was tried and holds @throws when it does not hold */
export type KitWork = (session: KitSession) => Promise<string | undefined>

/** Works in a world of its own. */
export async function inFreshWorld<T>(
  { connector, start, timeoutMs = PATIENT_MS }: KitHarness,
  work: (session: KitSession) => Promise<T>,
): Promise<T> {
  const world = await start()
  const controller = new AbortController()
  const runnerWithin = (ms: number) =>
    createConnectorRunner({
      connectors: new Map([[connector.manifest.id, connector]]),
      secretsOf: async () => world.secrets,
      clock: systemClock,
      limits: { timeoutMs: ms },
      ...world.host,
    })
  const patient = runnerWithin(timeoutMs)
  const hurried = runnerWithin(HURRIED_MS)
  const { signal } = controller
  const idempotencyKey = 'kit'
  try {
    const open = await patient.open(world.app)
    const call = (credential: 'doer' | 'witness', dryRun = false): CallContext =>
      open.call({ credential, dryRun, signal, idempotencyKey })
    return await work({
      world,
      connector: open.connector,
      facets: open.facets.filter(({ revoke }) => revoke === 'api'),
      doer: call('doer'),
      witness: call('witness'),
      preview: call('doer', true),
      hurried: async (credential) =>
        (await hurried.open(world.app)).call({ credential, signal, idempotencyKey }),
      abort: () => controller.abort(),
      handle: ({ facet }) => ({ facet, id: world.accountId }),
    })
  } finally {
    controller.abort()
    await world.close()
    await Promise.all([patient.close(), hurried.close()])
  }
}

/** The ConnectorError that `work` ends in; anything else fails the case. */
export async function faultOf(work: Promise<unknown>): Promise<ConnectorError> {
  try {
    await work
  } catch (error) {
    assert.ok(isConnectorError(error), `threw ${String(error)} instead of a ConnectorError`)
    return error
  }
  assert.fail('it answered, although it should have failed')
}
