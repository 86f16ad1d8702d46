import {
  type CallContext,
  ConnectorError,
  type HttpClient,
  type HttpResponse,
} from '#connector-sdk'
import { listAnswer, listUsersRequest, type ScimUser } from './api.ts'
import type { ScimConfig } from './config.ts'

/**
 * How a listing stands after a page.
 *
 * - `more`: ask on
 * - `all`: the server had nothing behind the last user that it showed
 * - `short`: it ended before its own count, or without any
 * - `unproven`: asked for what is behind its count, it showed something else: whether there is more cannot be known
 */
export type ListingEnd = 'more' | 'all' | 'short' | 'unproven'

/** One page of users with the position of the next. */
export interface Listing {
  users: readonly ScimUser[]
  response: HttpResponse
  /** Cursor of the next page; undefined unless `end` is `more`. */
  next: string | undefined
  end: ListingEnd
}

/** Where the next page begins, and what tells whether the server really went on. */
interface Position {
  at: { startIndex: number } | { cursor: string }
  /** First id of the page before. */
  after?: string
  seen: number
  /** The largest count that the server gave. */
  counted?: number
  /** Id of the last user shown: all were shown that are counted, and this page begins with that one again. */
  from?: string
}

/**
 * Reads one page.
 *
 * Index paging stops neither at `itemsPerPage` nor at `totalResults`, which servers get wrong: some count no more than they
 * show at once. When as many were shown as are counted, the page that begins with the last of them is asked for; the end is
 * where nobody comes behind. That page and not the next one: an index behind the count is answered with an error, or with the
 * first page again. Cursor paging stops where the server gives no cursor.
 *
 * @throws ConnectorError unsupported when a page begins as the one before, or a cursor repeats: the server would be read for
 *   ever and the rest of its users never
 * @see RFC 7644 §3.4.2.4, RFC 9865
 */
export async function listPage(
  http: HttpClient,
  call: CallContext<ScimConfig>,
  cursor: string | undefined,
  filter?: string,
): Promise<Listing> {
  const position = cursor === undefined ? firstPage(call.config) : decode(cursor)
  const { at, from } = position
  // One user a page would show the last one alone, whoever comes behind.
  const least = from === undefined ? 1 : 2
  const config = { ...call.config, pageSize: Math.max(call.config.pageSize, least) }
  const response = await http.send(listUsersRequest(config, at, filter))
  const options = { what: 'list the users', isRead: true, now: call.now() }
  const { users: shown, totalResults, nextCursor } = listAnswer(response, options)
  const { evidence } = response
  if (shown.some(({ id }) => id === '')) {
    throw new ConnectorError('invalid', 'the server shows users without an id', { evidence })
  }
  const ended = (end: ListingEnd, users = shown): Listing => ({
    users,
    response,
    next: undefined,
    end,
  })
  if (from !== undefined && shown[0]?.id !== from) return ended('unproven', [])
  const users = from === undefined ? shown : shown.slice(1)
  const [first] = users
  if (first !== undefined && first.id === position.after) {
    throw new ConnectorError('unsupported', 'the listing of this server does not advance', {
      evidence,
    })
  }
  const seen = position.seen + users.length
  const counted = Math.max(position.counted ?? -1, totalResults ?? -1)
  const soFar = {
    seen,
    ...(counted < 0 ? {} : { counted }),
    ...(first === undefined ? {} : { after: first.id }),
  }
  const more = (next: Omit<Position, keyof typeof soFar>): Listing => ({
    users,
    response,
    next: encode({ ...soFar, ...next }),
    end: 'more',
  })
  if ('cursor' in at) {
    if (nextCursor === undefined) return ended(seen < counted ? 'short' : 'all')
    if (nextCursor !== at.cursor) return more({ at: { cursor: nextCursor } })
    throw new ConnectorError('unsupported', 'the cursor of this server repeats', { evidence })
  }
  const last = users.at(-1)
  // Without any count, an empty page may as well be a server that answers {} to everything.
  if (last === undefined) return ended(counted >= 0 && seen >= counted ? 'all' : 'short', users)
  if (counted < 0 || seen < counted) return more({ at: { startIndex: seen + 1 } })
  // A filter found the one user whom the server counts: no server keeps its pages that short.
  if (filter !== undefined && seen === 1) return ended('all')
  return more({ at: { startIndex: seen }, from: last.id })
}

/**
 * Reads all pages. A listing whose end is `unproven` is given as far as it goes: who is found is found. That somebody is
 * absent is concluded from complete pages alone.
 *
 * @throws ConnectorError when the server shows fewer users than it counts, or more than the configured bound
 */
export async function listAll(
  http: HttpClient,
  call: CallContext<ScimConfig>,
  filter?: string,
): Promise<{ found: readonly { user: ScimUser; response: HttpResponse }[]; end: ListingEnd }> {
  const found: { user: ScimUser; response: HttpResponse }[] = []
  let page: Listing | undefined
  do {
    page = await listPage(http, call, page?.next, filter)
    const { users, response, end } = page
    found.push(...users.map((user) => ({ user, response })))
    if (end === 'short') {
      throw new ConnectorError('transient', 'the listing ended before its own count', {
        evidence: response.evidence,
      })
    }
    if (found.length > call.config.maxUsers) {
      throw new ConnectorError('invalid', `more than ${call.config.maxUsers} users in one search`)
    }
  } while (page.next !== undefined)
  return { found, end: page.end }
}

function firstPage({ paging }: ScimConfig): Position {
  return { at: paging === 'cursor' ? { cursor: '' } : { startIndex: 1 }, seen: 0 }
}

function encode(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

function decode(cursor: string): Position {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Position
}
