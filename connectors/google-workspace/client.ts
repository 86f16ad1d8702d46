import {
  type AppPage,
  acknowledged,
  type CallContext,
  ConnectorError,
  type Evidence,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  type ReadingOptions,
  readEveryPage,
  reading,
  retryAfterMs,
  withJwtBearer,
  writing,
} from '#connector-sdk'
import type { GoogleConfig } from './config.ts'

export type Call = CallContext<GoogleConfig>

const MAX_ITEMS = 10_000
const SCOPE = 'https://www.googleapis.com/auth/admin.directory'
/** Google says "too many" with 403. @see https://developers.google.com/workspace/admin/directory/v1/limits */
const TOO_MANY = ['userRateLimitExceeded', 'rateLimitExceeded', 'quotaExceeded']

/** The client with an access token of the administrator on whose behalf it acts. @throws ConnectorError credential */
export function google(call: Call): HttpClient {
  const { serviceAccountKey } = call.secrets
  if (serviceAccountKey === undefined) {
    throw new ConnectorError('credential', 'serviceAccountKey is missing')
  }
  const { adminEmail, witnessAdminEmail, tokenUrl } = call.config
  const isWitness = call.credential === 'witness' && witnessAdminEmail !== undefined
  return withJwtBearer(call, {
    tokenUrl,
    ...keyOf(serviceAccountKey),
    algorithm: 'RS256',
    subject: isWitness ? witnessAdminEmail : adminEmail,
    scope: scopesOf(call, isWitness).join(' '),
  })
}

/** Only what this configuration needs: one scope that was not delegated fails the whole token. */
function scopesOf({ config: { facets } }: Call, isWitness: boolean): string[] {
  const kinds = facets as readonly string[]
  const readOnly = isWitness ? '.readonly' : ''
  const isSecurity = ['session', 'oauth_grant', 'local_login'].some((one) => kinds.includes(one))
  return [
    `${SCOPE}.user${readOnly}`,
    // Google has no scope that only reads tokens and app passwords.
    ...(isSecurity ? [`${SCOPE}.user.security`] : []),
    ...(kinds.includes('membership')
      ? [
          `${SCOPE}.group.readonly`,
          `${SCOPE}.group.member${readOnly}`,
          `${SCOPE}.rolemanagement${readOnly}`,
        ]
      : []),
  ]
}

/** @see https://developers.google.com/identity/protocols/oauth2/service-account#creatinganaccount */
function keyOf(text: string): { issuer: string; privateKey: string; keyId: string } {
  try {
    const file = JSON.parse(text) as Record<string, unknown>
    const { client_email: issuer, private_key: privateKey, private_key_id: keyId } = file
    if ([issuer, privateKey, keyId].every((one) => typeof one === 'string')) {
      return { issuer, privateKey, keyId } as ReturnType<typeof keyOf>
    }
  } catch {
    // Without the cause: it quotes the key. What is wrong is said below.
  }
  throw new ConnectorError('credential', 'serviceAccountKey is no key file of a service account')
}

export const directory = (call: Call, path: string): string =>
  `${call.config.apiUrl}/admin/directory/v1${path}`

/** @returns undefined when Google says that there is no such thing @throws ConnectorError */
export async function lookUp(
  path: string,
  what: string,
  call: Call,
): Promise<{ body: Record<string, unknown> | undefined; response: HttpResponse }> {
  const response = await google(call).send({ method: 'GET', url: directory(call, path) })
  if (response.status === 404) {
    if (reasonOf(response) === 'notFound') return { body: undefined, response }
    const { evidence } = response
    throw new ConnectorError('invalid', 'the Admin SDK is not at this address', { evidence })
  }
  throwIfThrottled(response, reading(what, call))
  return { body: jsonObject(response, reading(what, call)), response }
}

/** One page of a listing; a listing that is empty has no field for its items. @throws ConnectorError */
export async function page(
  path: string,
  field: string,
  what: string,
  call: Call,
  cursor?: string,
): Promise<AppPage<unknown> & { response: HttpResponse }> {
  const rest = cursor === undefined ? '' : `&pageToken=${encodeURIComponent(cursor)}`
  const { body, response } = await lookUp(`${path}${rest}`, what, call)
  const { evidence } = response
  if (body === undefined) throw new ConnectorError('invalid', `could not ${what}`, { evidence })
  const { [field]: items = [], nextPageToken: next } = body
  // An answer of somebody else has neither the items nor the kind of this listing.
  if (!Array.isArray(items) || (body[field] === undefined && !isListing(body))) {
    throw new ConnectorError('invalid', `could not ${what}: no listing`, { evidence })
  }
  return { items, response, ...(typeof next === 'string' ? { next } : {}) }
}

/** Google leaves out what is empty, but says what kind of answer it is; with `fields`, that is asked for. */
const isListing = ({ kind }: Record<string, unknown>): boolean =>
  typeof kind === 'string' && kind.startsWith('admin#directory#')

/** All pages, with the evidence of each. @throws ConnectorError */
export function everyPage(
  path: string,
  field: string,
  what: string,
  call: Call,
): Promise<{ items: unknown[]; evidence: [Evidence, ...Evidence[]] }> {
  return readEveryPage(async (cursor) => {
    const { response, ...read } = await page(path, field, what, call, cursor)
    return { ...read, evidence: response.evidence }
  }, MAX_ITEMS)
}

/** @throws ConnectorError */
export async function write(
  request: { method: HttpRequest['method']; path: string; body?: object },
  what: string,
  call: Call,
): Promise<Evidence> {
  const { method, path, body } = request
  const response = await google(call).send({
    method,
    url: directory(call, path),
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  throwIfThrottled(response, writing(what, call))
  return acknowledged(response, writing(what, call))
}

function throwIfThrottled(response: HttpResponse, { what, now }: ReadingOptions): void {
  if (response.status !== 403 || !TOO_MANY.includes(reasonOf(response))) return
  const wait = retryAfterMs(response.headers, now)
  throw new ConnectorError('throttled', `could not ${what}: too many requests`, {
    evidence: response.evidence,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  })
}

/** @returns '' when the answer is none of Google's errors */
function reasonOf({ body }: HttpResponse): string {
  try {
    const { error } = JSON.parse(body) as { error?: { errors?: { reason?: unknown }[] } }
    const reason = error?.errors?.[0]?.reason
    return typeof reason === 'string' ? reason : ''
  } catch {
    // No JSON: not an answer of Google.
    return ''
  }
}
