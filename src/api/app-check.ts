import { z } from 'zod'
import { type CallContext, type Connector, ConnectorError } from '../connector-sdk/contract.ts'
import type { AppRecord } from '../revocation/types.ts'
import { newId } from '../shared/ids.ts'

/** Makes a connector of an app ready to be called, with its open secrets and guarded network. */
export interface ConnectorOpener {
  open(app: AppRecord): Promise<{
    connector: Connector
    call(options: {
      credential: 'doer' | 'witness'
      idempotencyKey: string
      signal: AbortSignal
      dryRun?: boolean
    }): CallContext
  }>
}

/** One line of a connection test. */
export const checkLine = z.object({
  credential: z.enum(['doer', 'witness']),
  name: z.string(),
  ok: z.boolean(),
  detail: z.string().meta({ description: 'What was tried, and what to do about a failure' }),
})
export type CheckLine = z.infer<typeof checkLine>

/** A test that takes longer says less than its absence. */
const TEST_TIMEOUT_MS = 30_000

/** Runs the connector's own test with each credential that the app has. A failure is a line, not an error. */
export async function checkApp(
  runner: ConnectorOpener,
  app: AppRecord,
  options: { hasWitness: boolean; signal: AbortSignal },
): Promise<CheckLine[]> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(TEST_TIMEOUT_MS)])
  const lines: CheckLine[] = []
  for (const credential of options.hasWitness
    ? (['doer', 'witness'] as const)
    : (['doer'] as const)) {
    try {
      const { connector, call } = await runner.open(app)
      const context = call({ credential, idempotencyKey: newId(), signal, dryRun: true })
      for (const { name, ok, detail } of await connector.test(context)) {
        lines.push({ credential, name, ok, detail })
      }
    } catch (error) {
      if (!(error instanceof ConnectorError) && !signal.aborted) throw error
      const detail =
        error instanceof ConnectorError
          ? `${error.fault}: ${error.message}`
          : `no answer within ${TEST_TIMEOUT_MS / 1_000} seconds`
      lines.push({ credential, name: 'connection', ok: false, detail })
    }
  }
  return lines
}
