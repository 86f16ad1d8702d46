import {
  type CallContext,
  ConnectorError,
  type HttpClient,
  type HttpResponse,
} from '#connector-sdk'
import { accountsOf, type Found, requestOf } from './api.ts'
import type { RecipeConfig, Search } from './config.ts'
import type { Values } from './template.ts'

export interface SearchPage {
  accounts: readonly Found[]
  response: HttpResponse
  next: string | undefined
  complete: boolean
}

interface Position {
  /** Value of the paging parameter; '' for a first page that has none. */
  value: string
  /** First id of the page before: the same again means that the server does not go on. */
  after?: string
  seen: number
}

/** Reads one page of a search. @throws ConnectorError unsupported when the server does not go on */
export async function searchPage(
  http: HttpClient,
  call: CallContext<RecipeConfig>,
  search: Search,
  values: Values,
  cursor?: string,
): Promise<SearchPage> {
  const { paging } = search
  const position: Position =
    cursor === undefined
      ? { value: 'first' in paging ? String(paging.first) : '', seen: 0 }
      : (JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Position)
  const query =
    paging.kind === 'none' || position.value === ''
      ? undefined
      : ([paging.param, position.value] as const)
  const response = await http.send(requestOf(call.config, search, values, { reads: true, query }))
  const { accounts, total, nextCursor } = accountsOf(response, search, call.config, {
    what: 'read the accounts',
    isRead: true,
    now: call.now(),
  })
  const first = accounts[0]?.id
  const repeats = (first !== undefined && first === position.after) || nextCursor === position.value
  if (repeats && paging.kind !== 'none') {
    throw new ConnectorError('unsupported', 'the listing of this server does not go on', {
      evidence: response.evidence,
    })
  }
  const seen = position.seen + accounts.length
  const value = nextValue(search, position, accounts.length, nextCursor)
  const isEnd =
    value === undefined || accounts.length === 0 || (total !== undefined && seen >= total)
  const rest = { value: value ?? '', seen, ...(first === undefined ? {} : { after: first }) }
  return {
    accounts,
    response,
    next: isEnd ? undefined : Buffer.from(JSON.stringify(rest)).toString('base64url'),
    complete: !isEnd || total === undefined || seen >= total,
  }
}

/** Reads all pages of a search. @throws ConnectorError */
export async function searchAll(
  http: HttpClient,
  call: CallContext<RecipeConfig>,
  search: Search,
  values: Values,
): Promise<{ account: Found; response: HttpResponse }[]> {
  const all: { account: Found; response: HttpResponse }[] = []
  let cursor: string | undefined
  do {
    const page = await searchPage(http, call, search, values, cursor)
    all.push(...page.accounts.map((account) => ({ account, response: page.response })))
    if (!page.complete) {
      throw new ConnectorError('transient', 'the listing ended before its own count', {
        evidence: page.response.evidence,
      })
    }
    if (all.length > call.config.maxAccounts) {
      throw new ConnectorError(
        'invalid',
        `more than ${call.config.maxAccounts} accounts in one search`,
      )
    }
    cursor = page.next
  } while (cursor !== undefined)
  return all
}

function nextValue(
  { paging }: Search,
  { value }: Position,
  count: number,
  nextCursor: string | undefined,
): string | undefined {
  switch (paging.kind) {
    case 'none':
      return undefined
    case 'page':
      return String(Number(value) + 1)
    case 'offset':
      return String(Number(value) + count)
    case 'cursor':
      return nextCursor
  }
}
