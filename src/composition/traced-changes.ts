import type { UserChangeDeps } from '../intake/user-changes.ts'
import type { Tracing } from '../telemetry/tracing.ts'

/** Each transaction of the intake is a span, and the trace goes with the work that it makes due. */
export function tracedChanges(
  changes: UserChangeDeps,
  tracing: Pick<Tracing, 'part' | 'traceparent'>,
): UserChangeDeps {
  const { transactor } = changes
  return {
    ...changes,
    transactor: {
      transaction: (work) =>
        tracing.part('intake transaction', {}, () => transactor.transaction(work)),
    },
    traceparent: tracing.traceparent,
  }
}
