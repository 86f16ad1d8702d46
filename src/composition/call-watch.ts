import { performance } from 'node:perf_hooks'
import type { CallWatch } from '../connector-sdk/call-watch.ts'
import { isConnectorError } from '../connector-sdk/contract.ts'
import { SECOND } from '../shared/clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'

/** Every call onto an application is counted, and is a span where a request has led to it. */
export function createCallWatch(
  metrics: Pick<Metrics, 'connectorCallDone'>,
  tracing: Pick<Tracing, 'part'>,
): CallWatch {
  return {
    operation: async ({ appId, connectorId, operation }, work) => {
      const begun = performance.now()
      const done = (outcome: string): void =>
        metrics.connectorCallDone({
          connectorId,
          operation,
          outcome,
          seconds: (performance.now() - begun) / SECOND,
        })
      const facts = { 'quittance.app_id': appId, 'quittance.connector_id': connectorId }
      try {
        const result = await tracing.part(`connector ${operation}`, facts, work)
        done('ok')
        return result
      } catch (error) {
        done(isConnectorError(error) ? error.fault : 'bug')
        throw error
      }
    },
    exchange: ({ method, host }, work, statusOf) =>
      tracing.part(
        'exchange',
        { 'http.request.method': method, 'server.address': host },
        work,
        (answer) =>
          statusOf === undefined ? {} : { 'http.response.status_code': statusOf(answer) },
      ),
  }
}
