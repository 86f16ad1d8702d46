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
  nextLink,
  readEveryPage,
  reading,
  withHeaders,
  withPrivateKeyJwt,
  writing,
} from '#connector-sdk'
import type { OktaConfig } from './config.ts'

export type Call = CallContext<OktaConfig>

const MAX_ITEMS = 10_000
/** "This operation is not allowed in the user's current status", "already active", and what suspend says of others. */
const WRONG_STATUS = ['E0000038', 'E0000016', 'E0000001']

/** What a service app of the hub is granted. @see https://developer.okta.com/docs/api/oauth2/ */
const SCOPES = {
  witness: ['okta.users.read', 'okta.groups.read', 'okta.apps.read', 'okta.apiTokens.read'],
  doer: ['okta.users.manage', 'okta.groups.manage', 'okta.apps.manage', 'okta.apiTokens.manage'],
}

/** The client with the credential. @throws ConnectorError credential */
export function okta(call: Call): HttpClient {
  const { auth, orgUrl } = call.config
  const http = withHeaders(call.http, { accept: 'application/json' })
  if (auth.kind === 'token') {
    const { token } = call.secrets
    if (token === undefined) throw new ConnectorError('credential', 'token is missing')
    return withHeaders(http, { authorization: `SSWS ${token}` })
  }
  const { privateKey } = call.secrets
  if (privateKey === undefined) throw new ConnectorError('credential', 'privateKey is missing')
  const isOther = call.credential === 'witness' && auth.witnessClientId !== undefined
  const keyId = isOther ? auth.witnessKeyId : auth.keyId
  return withPrivateKeyJwt(
    { ...call, http },
    {
      tokenUrl: `${orgUrl}/oauth2/v1/token`,
      issuer: isOther ? (auth.witnessClientId ?? auth.clientId) : auth.clientId,
      privateKey,
      algorithm: 'RS256',
      scope: scopesOf(call, isOther).join(' '),
      ...(keyId === undefined ? {} : { keyId }),
    },
  )
}

/** Only what this configuration needs: a scope that was not granted fails the whole token. */
function scopesOf({ config }: Call, isWitness: boolean): string[] {
  const scopes = isWitness ? SCOPES.witness : [...SCOPES.doer, ...SCOPES.witness]
  return scopes.filter((scope) => {
    if (scope.startsWith('okta.apiTokens')) return config.facets.includes('api_token')
    if (scope.startsWith('okta.groups')) return config.facets.includes('membership')
    if (scope.startsWith('okta.apps')) return config.appAssignments
    return true
  })
}

/** One page of a listing. @param cursor where the page is, as Okta gave it @throws ConnectorError */
export async function page(
  path: string,
  what: string,
  call: Call,
  cursor?: string,
): Promise<AppPage<unknown> & { response: HttpResponse }> {
  const url = cursor ?? `${call.config.orgUrl}${path}`
  const response = await okta(call).send({ method: 'GET', url })
  if (response.status === 404) throw wrongAddress(response)
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

/** "Not found" about a part of a user that was read a moment ago, or another server. */
function wrongAddress({ evidence }: HttpResponse): ConnectorError {
  return new ConnectorError('invalid', 'Okta does not have this listing', { evidence })
}

/** Sends a write. @throws ConnectorError conflict when the user's status does not allow it (any more) */
export async function write(request: HttpRequest, what: string, call: Call): Promise<Evidence> {
  const response = await okta(call).send(request)
  const isStatus = request.url.includes('/lifecycle/') && WRONG_STATUS.includes(codeOf(response))
  if (isStatus && (response.status === 400 || response.status === 403)) {
    const { evidence } = response
    throw new ConnectorError('conflict', `could not ${what}: not in this status`, { evidence })
  }
  return acknowledged(response, writing(what, call))
}

/** @returns '' when the answer is none of Okta's errors @see https://developer.okta.com/docs/reference/error-codes/ */
export function codeOf({ body }: HttpResponse): string {
  try {
    const { errorCode } = JSON.parse(body) as { errorCode?: unknown }
    return typeof errorCode === 'string' ? errorCode : ''
  } catch {
    // No JSON: not an answer of Okta.
    return ''
  }
}
