import { randomBytes } from 'node:crypto'
import { ConnectorError } from '../connector-sdk/contract.ts'
import { commitWith } from '../ledger/commitment.ts'
import { leafHash, rootOf } from '../ledger/tree.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { ConnectorOpener } from './app-check.ts'

export type { ConnectorOpener } from './app-check.ts'

/** Who still has an account in an app, without saying who: the facts of `inventory.snapshot`. */
export interface Inventory {
  /** `<id>@<version>`. */
  connector: string
  /** Did the app list everybody? */
  complete: boolean
  count: number
  /** RFC 9162 root over `commitWith(key, account id)`, sorted by code unit; hex. */
  root: string
  taken: Instant
}

export interface TakenInventory {
  inventory: Inventory
  /**
   * 32 random bytes, base64url. With it and a guess anybody can tell whose account is meant: it is sealed in the
   * proposal and then in the audit row, and no answer of the API shows it.
   */
  key: string
}

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
  now: Instant,
  signal: AbortSignal,
): Promise<TakenInventory> {
  const ids = new Set<string>()
  const seen = new Set<string>()
  let complete = true
  let cursor: string | undefined
  let from = app.connectorId
  try {
    const { connector, call } = await runner.open(app)
    from = `${connector.manifest.id}@${connector.manifest.version}`
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
    if (error.fault === 'unsupported') return inventory(from, ids, false, now)
    throw new HubError(
      'ERR_CONFLICT',
      `the app cannot be listed (${error.fault}); repair it, or propose again with unreachable: true`,
      { cause: error },
    )
  }
  return inventory(from, ids, complete, now)
}

function inventory(
  connector: string,
  ids: ReadonlySet<string>,
  complete: boolean,
  taken: Instant,
): TakenInventory {
  const key = randomBytes(32)
  // Bare ids could be guessed from the root, above all in a small app.
  const leaves = [...ids]
    .map((id) => commitWith(key, Buffer.from(id)))
    .sort()
    .map((commitment) => leafHash(Buffer.from(commitment)))
  return {
    inventory: {
      connector,
      complete,
      count: ids.size,
      root: rootOf(leaves).toString('hex'),
      taken,
    },
    key: key.toString('base64url'),
  }
}
