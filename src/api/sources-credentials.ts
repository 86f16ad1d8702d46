import { z } from 'zod'
import { isNetwork } from '../auth/address-list.ts'
import type { IssuerRecord, TokenRecord } from '../auth/source-authenticator.ts'
import type { SourceStore } from '../auth/source-store.ts'
import { newToken } from '../auth/tokens.ts'
import type { Clock } from '../shared/clock.ts'
import { DAY, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { ADMINS } from './access.ts'
import type { Act } from './acts.ts'
import { idField, instantField, instants, present, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface SourceCredentialsParts {
  sources: SourceStore
  authenticator: { invalidate(sourceId: string): void }
  publicUrl: string
  clock: Clock
}

/** A list of networks in CIDR. */
export const networksField = z
  .array(z.string().refine(isNetwork, 'must be a CIDR range such as 203.0.113.0/24'))
  .max(200)

export const expiryField = z
  .int()
  .min(1)
  .max(3_650)
  .optional()
  .meta({ description: 'Days until it expires; without it, it does not expire' })

const claim = z.string().min(1).max(512).regex(/^\S+$/, 'must have no spaces')

const jwks = z.strictObject({
  keys: z
    .array(
      z
        .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP']) })
        .refine((key) => !('d' in key || 'k' in key), 'must be a public key'),
    )
    .min(1)
    .max(20),
})

const jwksUri = z.url({ protocol: /^https?$/ }).max(2_048)

const issuerInput = z
  .strictObject({
    issuer: claim.meta({ description: '`iss`, compared exactly' }),
    tenant: claim.optional().meta({ description: '`tid`, compared exactly' }),
    audience: claim.meta({ description: '`aud`, with or without `/.default`' }),
    jwksUri: jwksUri
      .optional()
      .meta({ description: 'Where its keys are. https, but for networks in `allowNetworks`' }),
    jwks: jwks.optional().meta({ description: 'Its keys, in place of `jwksUri`' }),
    subject: claim.optional().meta({ description: '`sub`, compared exactly' }),
    appId: claim.optional().meta({ description: '`appid` or `azp`, compared exactly' }),
    clockToleranceSeconds: z.int().min(0).max(300).default(60),
    allowNetworks: networksField
      .default([])
      .meta({ description: 'Private networks in which `jwksUri` may lie' }),
  })
  .refine((input) => (input.jwks === undefined) !== (input.jwksUri === undefined), {
    path: ['jwksUri'],
    message: 'give either jwksUri or jwks',
  })
  .refine((input) => !isMicrosoft(input.issuer) || isTenantOf(input.issuer, input.tenant), {
    path: ['tenant'],
    message: 'an issuer of Entra needs the tenant that stands in its address',
  })

/** One key set signs for all tenants of Entra: only the tenant tells customers apart. */
const isMicrosoft = (issuer: string): boolean =>
  /^https:\/\/(login\.microsoftonline\.(com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net)\//.test(
    issuer,
  )

const isTenantOf = (issuer: string, tenant: string | undefined): boolean =>
  tenant !== undefined && /^[0-9a-f-]{36}$/.test(tenant) && issuer.split('/').includes(tenant)

export const secretAnswer = z.object({
  id: z.string(),
  prefix: z.string().meta({ description: 'First characters, to recognise it by' }),
  createdAt: instantField,
  expiresAt: instantField.optional(),
  lastUsedAt: instantField.optional(),
})

export const issuerAnswer = z.object({
  id: z.string(),
  issuer: z.string(),
  tenant: z.string().optional(),
  audience: z.string(),
  jwksUri: z.string().optional(),
  jwks: z.object({ keys: z.array(z.looseObject({})) }).optional(),
  subject: z.string().optional(),
  appId: z.string().optional(),
  clockToleranceSeconds: z.int(),
  allowNetworks: z.array(z.string()),
  createdAt: instantField,
  lastUsedAt: instantField.optional(),
})

/** A token or a client secret, without what would let somebody in. */
export function showSecret(token: TokenRecord): z.infer<typeof secretAnswer> {
  return {
    id: token.id,
    prefix: token.prefix,
    createdAt: instants({ at: token.createdAt }).at ?? '',
    ...instants({ expiresAt: token.expiresAt, lastUsedAt: token.lastUsedAt }),
  }
}

export function showIssuer(issuer: IssuerRecord): z.infer<typeof issuerAnswer> {
  const { createdAt, lastUsedAt, jwks: keys, allowNetworks, ...rest } = issuer
  return {
    ...rest,
    ...(keys === undefined ? {} : { jwks: { keys: keys.keys.map((key) => ({ ...key })) } }),
    allowNetworks: [...allowNetworks],
    createdAt: instants({ at: createdAt }).at ?? '',
    ...instants({ lastUsedAt }),
  }
}

/** The ledger's entry of a new credential. */
export function keyIssued(
  source: string,
  record: { id: string; expiresAt?: number },
  kind: 'token' | 'client-secret' | 'issuer',
): Act['entry'] {
  return {
    type: 'source.key_issued',
    source,
    key: record.id,
    kind,
    ...(record.expiresAt === undefined ? {} : { expires: iso(record.expiresAt) }),
  }
}

/** Client secrets for the token endpoint, and the issuers whose signed tokens a source accepts. */
export function sourceCredentialRoutes(parts: SourceCredentialsParts): Route[] {
  const { sources, clock, authenticator } = parts
  const tokenUrl = (id: string): string => `${parts.publicUrl}/oauth/${id}/token`
  const found = (done: boolean, what: string): void => {
    if (!done) throw new HubError('ERR_NOT_FOUND', `there is no such ${what}`)
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/sources/{id}/client-secrets',
      summary: 'Make a client secret for the token endpoint; several may be active at once',
      allow: ADMINS,
      params: z.object({ id: sourceIdField }),
      body: z.strictObject({ expiresInDays: expiryField }),
      bodyOptional: true,
      answers: {
        201: {
          description: 'The secret is shown here and never again',
          schema: z.object({
            id: z.string(),
            clientId: z.string(),
            clientSecret: z.string(),
            tokenUrl: z.string(),
          }),
        },
      },
      handle: async ({ params, body, acts }) => {
        const { token, hash, prefix } = newToken('client')
        const id = newId()
        const createdAt = clock.now()
        const expiresAt = body.expiresInDays && createdAt + body.expiresInDays * DAY
        const record = { id, hash, prefix, createdAt, ...(expiresAt ? { expiresAt } : {}) }
        await acts.in(async (tx, act) => {
          found(await sources.addToken(params.id, record, 'clientSecrets', tx), 'source')
          await act({ entry: keyIssued(params.id, record, 'client-secret') })
        })
        return {
          status: 201,
          json: { id, clientId: params.id, clientSecret: token, tokenUrl: tokenUrl(params.id) },
        }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/sources/{id}/client-secrets/{secretId}',
      summary: 'Delete a client secret, and with it every access token that was got by it',
      allow: ADMINS,
      params: z.object({ id: sourceIdField, secretId: idField }),
      answers: { 204: { description: 'Deleted' } },
      handle: async ({ params, acts }) => {
        const key = { source: params.id, key: params.secretId, kind: 'client-secret' }
        await acts.in(async (tx, act) => {
          found(
            await sources.removeToken(params.id, params.secretId, 'clientSecrets', tx),
            'client secret',
          )
          await act({ entry: { type: 'source.key_revoked', ...key } })
        })
        authenticator.invalidate(params.id)
        return { status: 204 }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/sources/{id}/issuers',
      summary: 'Accept signed tokens of an issuer, at SCIM and as assertions at the token endpoint',
      allow: ADMINS,
      params: z.object({ id: sourceIdField }),
      body: issuerInput,
      answers: {
        201: {
          description: 'The issuer, and what the provider asks for',
          schema: z.object({ ...issuerAnswer.shape, clientId: z.string(), tokenUrl: z.string() }),
        },
      },
      handle: async ({ params, body, acts }) => {
        const issuer = { ...present(body), id: newId(), createdAt: clock.now() } as IssuerRecord
        await acts.in(async (tx, act) => {
          found(await sources.addIssuer(params.id, issuer, tx), 'source')
          await act({ entry: keyIssued(params.id, issuer, 'issuer') })
        })
        authenticator.invalidate(params.id)
        return {
          status: 201,
          json: { ...showIssuer(issuer), clientId: params.id, tokenUrl: tokenUrl(params.id) },
        }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/sources/{id}/issuers/{issuerId}',
      summary: 'Stop accepting tokens of an issuer, and those that were got by it',
      allow: ADMINS,
      params: z.object({ id: sourceIdField, issuerId: idField }),
      answers: { 204: { description: 'Deleted' } },
      handle: async ({ params, acts }) => {
        const key = { source: params.id, key: params.issuerId, kind: 'issuer' }
        await acts.in(async (tx, act) => {
          found(await sources.removeToken(params.id, params.issuerId, 'issuers', tx), 'issuer')
          await act({ entry: { type: 'source.key_revoked', ...key } })
        })
        authenticator.invalidate(params.id)
        return { status: 204 }
      },
    }),
  ]
}
