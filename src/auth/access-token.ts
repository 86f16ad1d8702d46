import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Instant } from '../shared/clock.ts'

/** What an access token says: which source it opens, and by which credential it was got. */
export interface AccessGrant {
  sourceId: string
  /** A client secret or an issuer of the source. When that is deleted, the token is void. */
  credentialId: string
  expiresAt: Instant
}

/**
 * Short-lived tokens of the token endpoint: `qtc_access_<claims>.<tag>`, in base64url. Nothing is stored; every
 * process that has the master key can read them, and nobody else can make one.
 */
export interface AccessTokens {
  issue(grant: AccessGrant): string
  /** Undefined for what this hub did not issue, and for what has expired. */
  read(token: string, now: Instant): AccessGrant | undefined
}

const PREFIX = 'qtc_access_'

export const isAccessToken = (token: string): boolean => token.startsWith(PREFIX)

/** @param masterKeys the first one issues; tokens of the others are read too, so that no client is refused while keys change */
export function createAccessTokens(masterKeys: readonly [Buffer, ...Buffer[]]): AccessTokens {
  const [first, ...others] = masterKeys.map((masterKey) => tagger(masterKey)) as [Tag, ...Tag[]]
  return {
    issue: ({ sourceId, credentialId, expiresAt }) => {
      const nonce = randomBytes(16).toString('base64url')
      const claims = Buffer.from(
        JSON.stringify([sourceId, credentialId, expiresAt, nonce]),
      ).toString('base64url')
      return `${PREFIX}${claims}.${first(claims).toString('base64url')}`
    },
    read: (token, now) => {
      const [claims = '', tag = '', ...more] = token.slice(PREFIX.length).split('.')
      const given = Buffer.from(tag, 'base64url')
      if (!isAccessToken(token) || more.length > 0) return undefined
      if (![first, ...others].some((tagOf) => isSame(given, tagOf(claims)))) return undefined
      // Written by `issue`, as the tag has shown.
      const [sourceId, credentialId, expiresAt] = JSON.parse(
        Buffer.from(claims, 'base64url').toString(),
      ) as [string, string, Instant]
      return expiresAt > now ? { sourceId, credentialId, expiresAt } : undefined
    },
  }
}

type Tag = (claims: string) => Buffer

function tagger(masterKey: Buffer): Tag {
  const key = Buffer.from(hkdfSync('sha256', masterKey, '', 'quittance/access-token/v1', 32))
  return (claims) => createHmac('sha256', key).update(claims).digest()
}

const isSame = (given: Buffer, expected: Buffer): boolean =>
  given.length === expected.length && timingSafeEqual(given, expected)
