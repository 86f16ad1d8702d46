import type { TokenError } from './token-grant.ts'

/** How a client proves who it is. */
export type ClientProof =
  | { kind: 'secret'; clientId: string; secret: string; basic: boolean }
  | { kind: 'assertion'; clientId: string | undefined; assertion: string }
  | { kind: 'refused'; error: TokenError; description: string; usedBasic?: boolean }

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads a request for a token. Nothing is looked up.
 *
 * @see RFC 6749 §2.3.1, §3.2, §4.4.2; RFC 7521 §4.2
 */
export function clientProofOf(
  parameters: URLSearchParams,
  authorization: string | undefined,
): ClientProof {
  const names = [...parameters.keys()]
  if (new Set(names).size !== names.length) {
    return refused('invalid_request', 'a parameter is given twice')
  }
  // RFC 6749 §3.2: a parameter without a value is as good as left out.
  const value = (name: string): string | undefined => parameters.get(name) || undefined
  const grantType = value('grant_type')
  if (grantType === undefined) return refused('invalid_request', 'grant_type is missing')
  if (grantType !== 'client_credentials') {
    return refused('unsupported_grant_type', 'only client_credentials is supported')
  }
  const scopes = (value('scope') ?? 'scim').split(' ').filter((one) => one !== '')
  if (scopes.some((one) => one !== 'scim')) return refused('invalid_scope', 'the one scope is scim')

  const clientId = value('client_id')
  const secret = value('client_secret')
  const assertion = value('client_assertion')
  const ways = [authorization, secret, assertion].filter((one) => one !== undefined)
  if (ways.length > 1) return refused('invalid_request', 'the client proves itself in several ways')

  if (authorization !== undefined) return basicProof(authorization, clientId)
  if (secret !== undefined) {
    return clientId === undefined
      ? refused('invalid_request', 'client_id is missing')
      : { kind: 'secret', clientId, secret, basic: false }
  }
  if (assertion === undefined) return refused('invalid_client', 'the client proves nothing')
  if (value('client_assertion_type') !== JWT_BEARER) {
    return refused('invalid_request', `client_assertion_type must be ${JWT_BEARER}`)
  }
  return { kind: 'assertion', clientId, assertion }
}

const refused = (error: TokenError, description: string, usedBasic = false): ClientProof => ({
  kind: 'refused',
  error,
  description,
  usedBasic,
})

function basicProof(authorization: string, claimed: string | undefined): ClientProof {
  const text = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1]
  const [id, secret, ...more] = Buffer.from(text ?? '', 'base64')
    .toString('utf8')
    .split(':')
  const clientId = formDecoded(id)
  const clientSecret = formDecoded(secret)
  if (!clientId || !clientSecret || more.length > 0) {
    return refused('invalid_client', 'the Authorization header cannot be read', true)
  }
  if (claimed !== undefined && claimed !== clientId) {
    return refused('invalid_request', 'client_id differs from the Authorization header')
  }
  return { kind: 'secret', clientId, secret: clientSecret, basic: true }
}

/** RFC 6749 §2.3.1: both halves are form-urlencoded inside Basic. */
function formDecoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Broken escapes: refused by the caller, like any other header that cannot be read.
    return undefined
  }
}
