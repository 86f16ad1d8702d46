import { ConnectorError } from '../connector-sdk/contract.ts'
import { leafHash, rootOf } from '../ledger/tree.ts'
import type { AppRecord } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { ConnectorOpener } from './app-check.ts'

export type { ConnectorOpener } from './app-check.ts'

/** Who still has an account in an app, without saying who. */
export interface Inventory {
  /** Did the app list everybody? */
  complete: boolean
  count: number
  /** RFC 9162 root over the account ids, sorted by code unit; hex. */
  root: string
}

/** Nobody can list who is still in it. */
export const NOBODY_LISTED: Inventory = { complete: false, ...inventory(new Set()) }

const TIMEOUT_MS = 60_000
const MAX_PAGES = 2_000

/**
 * Lists all accounts of an app, for the last time.
 *
 * @throws HubError ERR_CONFLICT when the app does not answer, or repeats itself
 */
export async function inventoryOf(
  runner: ConnectorOpener,
  app: AppRecord,
  signal: AbortSignal,
): Promise<Inventory> {
  const ids = new Set<string>()
  const seen = new Set<string>()
  let complete = true
  let cursor: string | undefined
  try {
    const { connector, call } = await runner.open(app)
    const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
    do {
      const context = call({ credential: 'doer', idempotencyKey: newId(), signal: within })
      const page = await connector.list('account', 'everyone', cursor, context)
      for (const { handle, state } of page.items) {
        if (state !== 'dead' && state !== 'absent') ids.add(handle.id)
      }
      complete &&= page.complete
      if (page.next !== undefined && (seen.has(page.next) || seen.size >= MAX_PAGES)) {
        throw new ConnectorError('invalid', 'the list has no end')
      }
      cursor = page.next
      if (cursor !== undefined) seen.add(cursor)
    } while (cursor !== undefined)
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    if (error.fault === 'unsupported') return { ...inventory(ids), complete: false }
    throw new HubError(
      'ERR_CONFLICT',
      `the app cannot be listed (${error.fault}); repair it, or propose again with unreachable: true`,
      { cause: error },
    )
  }
  return { ...inventory(ids), complete }
}

function inventory(ids: ReadonlySet<string>): Pick<Inventory, 'count' | 'root'> {
  const leaves = [...ids].sort().map((id) => leafHash(Buffer.from(id)))
  return { count: ids.size, root: rootOf(leaves).toString('hex') }
}
