import { ConnectorError, type Evidence, type HttpClient, type HttpResponse } from './contract.ts'

/** One page as an application gives it. `next` is absent on the last. */
export interface AppPage<T> {
  items: readonly T[]
  next?: string
}

/**
 * Reads all pages of a search.
 *
 * @param read reads the page at a cursor; undefined is the first
 * @param max most items that are read
 * @throws ConnectorError unsupported when a cursor repeats, invalid when there are more items than `max`
 */
export async function readAll<T>(
  read: (cursor: string | undefined) => Promise<AppPage<T>>,
  max: number,
): Promise<T[]> {
  const all: T[] = []
  const seen = new Set<string>()
  let cursor: string | undefined
  do {
    const { items, next } = await read(cursor)
    all.push(...items)
    if (all.length > max)
      throw new ConnectorError('invalid', `more than ${max} items in one search`)
    if (next !== undefined && seen.has(next)) {
      throw new ConnectorError('unsupported', 'the listing of this application does not go on')
    }
    if (next !== undefined) seen.add(next)
    cursor = next
  } while (cursor !== undefined)
  return all
}

/**
 * `readAll`, with the evidence of every page.
 *
 * @throws ConnectorError as `readAll`
 */
export async function readEveryPage<T>(
  read: (cursor: string | undefined) => Promise<AppPage<T> & { evidence: Evidence }>,
  max: number,
): Promise<{ items: T[]; evidence: [Evidence, ...Evidence[]] }> {
  const evidence: Evidence[] = []
  const items = await readAll(async (cursor) => {
    const page = await read(cursor)
    evidence.push(page.evidence)
    return page
  }, max)
  // At least one page was read.
  return { items, evidence: evidence as [Evidence, ...Evidence[]] }
}

/**
 * Where the next page is, by the `Link` header.
 *
 * @param url of the request that was answered
 * @throws ConnectorError invalid when it leads to another host: the credential would go there
 * @see RFC 8288 §3
 */
export function nextLink({ headers, evidence }: HttpResponse, url: string): string | undefined {
  const target = (headers['link'] ?? '')
    .split(/,\s*(?=<)/)
    .map((link) => /^<([^>]*)>(.*)$/.exec(link))
    .find((parts) => /;\s*rel="?([^"]*\s)?next(\s[^"]*)?"?(;|$)/.test(parts?.[2] ?? ''))?.[1]
  return target === undefined ? undefined : sameOrigin(target, url, { evidence })
}

/**
 * An address that an application gave, made absolute.
 *
 * @throws ConnectorError invalid when it leads to another host: the credential would go there
 */
export function sameOrigin(
  target: string,
  url: string,
  { evidence }: Pick<HttpResponse, 'evidence'>,
): string {
  const next = URL.canParse(target, url) ? new URL(target, url) : undefined
  if (next?.origin === new URL(url).origin) return next.href
  throw new ConnectorError('invalid', 'the next page would be on another host', { evidence })
}

/** The client with these headers on every request. */
export function withHeaders(
  http: HttpClient,
  headers: Readonly<Record<string, string>>,
): HttpClient {
  return {
    hide: http.hide,
    send: (request) => http.send({ ...request, headers: { ...request.headers, ...headers } }),
  }
}
