import { SECOND } from '../shared/clock.ts'
import {
  type CallContext,
  type Connector,
  ConnectorError,
  type Effect,
  type Handle,
  isConnectorError,
  type Observation,
} from './contract.ts'
import type { Redactor } from './redact.ts'
import { redactError, redactEvidence } from './redact-evidence.ts'

/** How long a connector may go on after an abort. */
const GRACE_MS = SECOND

/**
 * Holds a connector to its contract: whatever it throws becomes a ConnectorError, an abort ends the call, and an
 * answer about somebody else's handle counts as a bug, not as an observation. All evidence passes the redactor.
 *
 * @param config the app's configuration, checked
 */
export function guardConnector(
  connector: Connector,
  config: unknown,
  redactor: Redactor,
): Connector {
  const guarded = <T>(call: CallContext, effect: Effect, work: () => Promise<T>): Promise<T> =>
    bounded(call, effect, work).then(
      (value) => redactEvidence(value, redactor),
      (error: unknown) => Promise.reject(redactError(error, redactor)),
    )
  const { facetsOf, absenceOf, probe, restore, serve } = connector
  const absenceIs = absenceOf?.call(connector, config) ?? connector.manifest.absenceIs
  const observing =
    (read: (handle: Handle, call: CallContext) => Promise<Observation>) =>
    async (handle: Handle, call: CallContext): Promise<Observation> => {
      const seen = await guarded(call, 'none', () => read(handle, call))
      if (seen.handle.id === handle.id && seen.handle.facet === handle.facet) return seen
      throw new ConnectorError('bug', 'the connector answered about another handle')
    }
  return {
    manifest: { ...connector.manifest, absenceIs },
    ...(facetsOf === undefined ? {} : { facetsOf: (other) => facetsOf.call(connector, other) }),
    test: (call) => guarded(call, 'none', () => connector.test(call)),
    correlate: (subject, call) => guarded(call, 'none', () => connector.correlate(subject, call)),
    list: async (facet, of, cursor, call) => {
      const page = await guarded(call, 'none', () => connector.list(facet, of, cursor, call))
      if (page.next === undefined || page.next !== cursor) return page
      throw new ConnectorError('bug', 'the listing does not advance')
    },
    revoke: (handle, call) => guarded(call, 'unknown', () => connector.revoke(handle, call)),
    observe: observing((handle, call) => connector.observe(handle, call)),
    ...(probe === undefined
      ? {}
      : { probe: observing((handle, call) => probe.call(connector, handle, call)) }),
    ...(restore === undefined
      ? {}
      : {
          restore: (handle, undo, call) =>
            guarded(call, 'unknown', () => restore.call(connector, handle, undo, call)),
        }),
    ...(serve === undefined
      ? {}
      : {
          // What the application is told is not evidence: it may be signed, and goes out as it is.
          serve: (visit, call) =>
            bounded(call, 'none', () => serve.call(connector, visit, call)).catch(
              (error: unknown) => Promise.reject(redactError(error, redactor)),
            ),
        }),
  }
}

async function bounded<T>(call: CallContext, effect: Effect, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let arm = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    arm = () => {
      timer = setTimeout(() => {
        reject(new ConnectorError('transient', 'aborted; the connector did not stop', { effect }))
      }, GRACE_MS)
    }
  })
  if (call.signal.aborted) throw new ConnectorError('transient', 'aborted before the call')
  call.signal.addEventListener('abort', arm, { once: true })
  try {
    return await Promise.race([work(), aborted])
  } catch (error) {
    if (isConnectorError(error)) throw error
    // The message may quote anything: only the kind of error goes on.
    const kind = error instanceof Error ? error.name : typeof error
    throw new ConnectorError('bug', `the connector threw ${kind}`, { effect, cause: error })
  } finally {
    clearTimeout(timer)
    call.signal.removeEventListener('abort', arm)
  }
}
