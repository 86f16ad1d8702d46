import { createHash } from 'node:crypto'
import type { ListQuery } from '../directory/query.ts'
import { HubError } from '../shared/errors.ts'

/** Where the page before ended (RFC 9865 keyset). */
export interface Cursor {
  /** Total of the first page: counting again on every page would cost more than the page. */
  total: number
  /** Value it was sorted by; absent for the order by id, or for a resource without a value. */
  sort: string | number | boolean | Date | undefined
  id: string
}

/** Opaque to clients: base64url of JSON, bound to its query by a digest. It holds no secret and grants nothing. */
export function cursorText(cursor: Cursor, query: ListQuery): string {
  const sort = cursor.sort instanceof Date ? { date: cursor.sort.getTime() } : cursor.sort
  const text = JSON.stringify({ q: digest(query), t: cursor.total, s: sort, i: cursor.id })
  return Buffer.from(text).toString('base64url')
}

/** @throws HubError ERR_INVALID_CURSOR when it is none of ours, or belongs to another query */
export function parseCursor(text: string, query: ListQuery): Cursor {
  const invalid = new HubError('ERR_INVALID_CURSOR', 'the cursor does not belong to this query')
  let parsed: { q?: unknown; t?: unknown; s?: unknown; i?: unknown }
  try {
    parsed = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    throw invalid
  }
  if (typeof parsed !== 'object' || parsed === null || parsed.q !== digest(query)) throw invalid
  const { t: total, i: id } = parsed
  if (typeof id !== 'string' || !Number.isSafeInteger(total) || (total as number) < 0) throw invalid
  return { total: total as number, id, sort: sortValue(parsed.s, invalid) }
}

function sortValue(value: unknown, invalid: HubError): Cursor['sort'] {
  if (value === undefined || ['string', 'number', 'boolean'].includes(typeof value)) {
    return value as Cursor['sort']
  }
  const date = (value as { date?: unknown } | null)?.date
  if (typeof date !== 'number' || !Number.isSafeInteger(date)) throw invalid
  return new Date(date)
}

function digest({ filter, sortBy, descending }: ListQuery): string {
  const text = JSON.stringify([filter, sortBy, descending === true])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
