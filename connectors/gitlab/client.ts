import {
  type AppPage,
  acknowledged,
  type CallContext,
  ConnectorError,
  type Evidence,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  jsonArray,
  jsonObject,
  nextLink,
  readEveryPage,
  reading,
  sameOrigin,
  withHeaders,
  writing,
} from '#connector-sdk'
import type { GitlabConfig } from './config.ts'

export type Call = CallContext<GitlabConfig>

const MAX_ITEMS = 20_000

/** The client with the credential. @throws ConnectorError credential */
function gitlab(call: CallContext): HttpClient {
  const { token } = call.secrets
  if (token === undefined) throw new ConnectorError('credential', 'token is missing')
  return withHeaders(call.http, { 'private-token': token, accept: 'application/json' })
}

const addressOf = ({ config }: Call, path: string): string => `${config.url}/api/v4${path}`

/** @returns undefined when GitLab says that there is no such thing @throws ConnectorError */
export async function lookUp(
  path: string,
  what: string,
  call: Call,
): Promise<{ body: Record<string, unknown> | undefined; response: HttpResponse }> {
  const response = await gitlab(call).send({ method: 'GET', url: addressOf(call, path) })
  if (response.status === 404) {
    if (isNotFound(response)) return { body: undefined, response }
    const { evidence } = response
    throw new ConnectorError('invalid', 'GitLab is not at this address', { evidence })
  }
  return { body: jsonObject(response, reading(what, call)), response }
}

/** `{"message":"404 User Not Found"}` @see https://docs.gitlab.com/api/rest/troubleshooting/#status-codes */
function isNotFound({ body }: HttpResponse): boolean {
  try {
    return String((JSON.parse(body) as { message?: unknown }).message).startsWith('404 ')
  } catch {
    // No JSON: not an answer of GitLab.
    return false
  }
}

/** One page of a listing. @param cursor the address of the page, as GitLab gave it @throws ConnectorError */
export async function page(
  path: string,
  what: string,
  call: Call,
  cursor?: string,
): Promise<AppPage<unknown> & { response: HttpResponse }> {
  const first = addressOf(call, path)
  const asked = { evidence: { method: 'GET', target: 'cursor', at: 0, body: '' } }
  const url = cursor === undefined ? first : sameOrigin(cursor, first, asked)
  const response = await gitlab(call).send({ method: 'GET', url })
  if (response.status === 404) {
    const { evidence } = response
    throw new ConnectorError('invalid', `could not ${what}: not found`, { evidence })
  }
  const items = jsonArray(response, reading(what, call))
  const next = nextLink(response, url)
  return { items, response, ...(next === undefined ? {} : { next }) }
}

/** All pages, with the evidence of each. @throws ConnectorError */
export function everyPage(
  path: string,
  what: string,
  call: Call,
): Promise<{ items: unknown[]; evidence: [Evidence, ...Evidence[]] }> {
  return readEveryPage(async (cursor) => {
    const { response, ...read } = await page(path, what, call, cursor)
    return { ...read, evidence: response.evidence }
  }, MAX_ITEMS)
}

/** @throws ConnectorError */
export async function write(
  { method, path, body }: { method: HttpRequest['method']; path: string; body?: object },
  what: string,
  call: Call,
): Promise<Evidence> {
  const response = await gitlab(call).send({
    method,
    url: addressOf(call, path),
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return acknowledged(response, writing(what, call))
}

/** Id of the user behind the token. @throws ConnectorError */
export async function ownId(call: Call): Promise<string | undefined> {
  const { body } = await lookUp('/user', 'ask who the token belongs to', call)
  return typeof body?.['id'] === 'number' ? String(body['id']) : undefined
}
