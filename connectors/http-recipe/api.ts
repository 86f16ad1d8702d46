import { isDeepStrictEqual } from 'node:util'
import {
  type AccountKeys,
  ConnectorError,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  type Observation,
  type ReadingOptions,
  refusal,
} from '#connector-sdk'
import type { Condition, FacetRecipe, RecipeConfig, Search, Step } from './config.ts'
import { valueAt } from './pointer.ts'
import { renderJson, renderPath, renderText, type Values } from './template.ts'

/** Requests and answers as the recipe describes them. Nothing here sends anything. */

export interface Found {
  id: string
  keys: AccountKeys
}

/** @param position value of the paging parameter, for searches */
export function requestOf(
  { baseUrl }: RecipeConfig,
  step: Step,
  values: Values,
  options: { reads: boolean; query?: readonly [name: string, value: string] | undefined },
): HttpRequest {
  const { method, path, headers, body } = step
  const url = `${baseUrl}${renderPath(path, values)}`
  const [name, value] = options.query ?? []
  const paged =
    name === undefined || value === undefined
      ? url
      : `${url}${url.includes('?') ? '&' : '?'}${encodeURIComponent(name)}=${encodeURIComponent(value)}`
  return {
    method,
    url: paged,
    reads: options.reads,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...Object.fromEntries(
        Object.entries(headers).map(([header, text]) => [header, renderText(text, values)]),
      ),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(renderJson(body, values)) }),
  }
}

/** The accounts of one page of a search. @throws ConnectorError */
export function accountsOf(
  response: HttpResponse,
  search: Search,
  { account }: RecipeConfig,
  options: ReadingOptions,
): { accounts: Found[]; total: number | undefined; nextCursor: string | undefined } {
  const body = jsonOf(response, options)
  const items = valueAt(body, search.items)
  if (!Array.isArray(items)) throw unexpected('a list of accounts', response, options)
  const total = search.total === undefined ? undefined : valueAt(body, search.total)
  const next = search.paging.kind === 'cursor' ? valueAt(body, search.paging.next) : undefined
  return {
    accounts: items.map((item) => {
      const id = textOf(valueAt(item, account.id))
      if (id === undefined) throw unexpected('an id of each account', response, options)
      return { id, keys: keysOf(item, account) }
    }),
    total: typeof total === 'number' ? total : undefined,
    nextCursor: textOf(next),
  }
}

/** Both conditions are asked: an answer that fulfils none, or both, says nothing. @throws ConnectorError */
export function stateOf(
  response: HttpResponse,
  observe: NonNullable<FacetRecipe['observe']>,
  options: ReadingOptions,
): Observation['state'] {
  if (observe.absent.includes(response.status)) return 'absent'
  const body = jsonOf(response, options)
  const isLive = holds(body, observe.live)
  const isDead = holds(body, observe.dead)
  if (isLive === isDead) return 'unknown'
  return isLive ? 'live' : 'dead'
}

/** @throws ConnectorError */
export function ackOf(
  response: HttpResponse,
  revoke: FacetRecipe['revoke'],
  options: ReadingOptions,
): 'done' | 'accepted' | 'already' {
  const { status, body, headers } = response
  if (revoke.already.includes(status)) return 'already'
  if (revoke.accepted.includes(status)) return 'accepted'
  if (!revoke.done.includes(status)) {
    if (status >= 400) throw refusal(response, options)
    throw unexpected(`one of ${revoke.done.join(', ')}`, response, options)
  }
  const isPage = /^text\/html\b/i.test(headers['content-type'] ?? '')
  if (isPage) throw unexpected('no web page', response, options)
  const isJson = /\bjson\b/i.test(headers['content-type'] ?? '')
  if (isJson && body.trim() !== '') jsonOf(response, options)
  return 'done'
}

function holds(body: unknown, condition: Condition): boolean {
  const value = valueAt(body, condition.at)
  if ('equals' in condition) return isDeepStrictEqual(value, condition.equals)
  return Array.isArray(value) && (value.length === 0) === condition.empty
}

function keysOf(item: unknown, account: RecipeConfig['account']): AccountKeys {
  const userName = account.userName && textOf(valueAt(item, account.userName))
  const externalId = account.externalId && textOf(valueAt(item, account.externalId))
  const emails = account.emails === undefined ? undefined : valueAt(item, account.emails)
  return {
    ...(userName ? { userName } : {}),
    ...(externalId ? { externalId } : {}),
    ...(emails === undefined ? {} : { emails: [emails].flat().flatMap(addressOf) }),
  }
}

/** A string, or an object with `value` or `email`. */
function addressOf(item: unknown): string[] {
  const address =
    typeof item === 'string' ? item : (valueAt(item, '/value') ?? valueAt(item, '/email'))
  return typeof address === 'string' ? [address] : []
}

/** Ids are often numbers. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Any JSON: some interfaces answer with a bare list. @throws ConnectorError */
function jsonOf(response: HttpResponse, options: ReadingOptions): unknown {
  const isOk = response.status >= 200 && response.status < 300
  if (isOk && response.body.trimStart().startsWith('[')) {
    try {
      return JSON.parse(response.body)
    } catch (error) {
      throw new ConnectorError('transient', `could not ${options.what}: broken JSON`, {
        effect: options.isRead ? 'none' : 'unknown',
        evidence: response.evidence,
        cause: error,
      })
    }
  }
  return jsonObject(response, options)
}

function unexpected(what: string, response: HttpResponse, options: ReadingOptions): ConnectorError {
  return new ConnectorError('invalid', `could not ${options.what}: expected ${what}`, {
    effect: options.isRead ? 'none' : 'unknown',
    evidence: response.evidence,
  })
}
