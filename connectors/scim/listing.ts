import {
  type CallContext,
  ConnectorError,
  type HttpClient,
  type HttpResponse,
} from '#connector-sdk'
import { listAnswer, listUsersRequest, type ScimUser } from './api.ts'
import type { ScimConfig } from './config.ts'

/** One page of users with the position of the next. */
export interface Listing {
  users: readonly ScimUser[]
  response: HttpResponse
  next: string | undefined
  /** Did the pages so far hold as many users as the server counts? */
  complete: boolean
}

/** Where the next page begins, and what tells whether the server really went on. */
interface Position {
  at: { startIndex: number } | { cursor: string }
  /** First id of the page before. */
  after?: string
  seen: number
}

/**
 * Reads one page. The loop guard: a page that begins with the same user as the one before, or a cursor that
 * repeats, is an error, since the server would be read for ever and the rest of its users never.
 *
 * Index paging stops at an empty page, not at `itemsPerPage`, which servers get wrong.
 *
 * @throws ConnectorError
 * @see RFC 7644 §3.4.2.4, RFC 9865
 */
export async function listPage(
  http: HttpClient,
  call: CallContext<ScimConfig>,
  cursor: string | undefined,
  filter?: string,
): Promise<Listing> {
  const position = cursor === undefined ? firstPage(call.config) : decode(cursor)
  const response = await http.send(listUsersRequest(call.config, position.at, filter))
  const options = { what: 'list the users', isRead: true, now: call.now() }
  const { users, totalResults, nextCursor } = listAnswer(response, options)
  const [first] = users
  if (users.some(({ id }) => id === '')) {
    throw new ConnectorError('invalid', 'the server shows users without an id', {
      evidence: response.evidence,
    })
  }
  if (first !== undefined && first.id === position.after) {
    throw new ConnectorError('unsupported', 'the listing of this server does not advance', {
      evidence: response.evidence,
    })
  }
  const seen = position.seen + users.length
  const after = first === undefined ? {} : { after: first.id }
  if ('cursor' in position.at) {
    if (nextCursor !== undefined && nextCursor === position.at.cursor) {
      throw new ConnectorError('unsupported', 'the cursor of this server repeats', {
        evidence: response.evidence,
      })
    }
    const next =
      nextCursor === undefined ? undefined : encode({ at: { cursor: nextCursor }, ...after, seen })
    return { users, response, next, complete: next !== undefined || seen >= (totalResults ?? 0) }
  }
  const isLast = users.length === 0 || (totalResults !== undefined && seen >= totalResults)
  return {
    users,
    response,
    next: isLast
      ? undefined
      : encode({ at: { startIndex: position.at.startIndex + users.length }, ...after, seen }),
    complete: !isLast || (totalResults !== undefined && seen >= totalResults),
  }
}

/**
 * Reads all pages.
 *
 * @throws ConnectorError when the server shows fewer users than it counts, or more than the configured bound
 */
export async function listAll(
  http: HttpClient,
  call: CallContext<ScimConfig>,
  filter?: string,
): Promise<{ user: ScimUser; response: HttpResponse }[]> {
  const all: { user: ScimUser; response: HttpResponse }[] = []
  let cursor: string | undefined
  do {
    const page = await listPage(http, call, cursor, filter)
    all.push(...page.users.map((user) => ({ user, response: page.response })))
    if (!page.complete) {
      throw new ConnectorError('transient', 'the listing ended before its own count', {
        evidence: page.response.evidence,
      })
    }
    if (all.length > call.config.maxUsers) {
      throw new ConnectorError('invalid', `more than ${call.config.maxUsers} users in one search`)
    }
    cursor = page.next
  } while (cursor !== undefined)
  return all
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
