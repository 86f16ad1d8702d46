import { z } from 'zod'
import type { IssuerRecord } from '../auth/source-authenticator.ts'
import { newId } from '../shared/ids.ts'
import { ADMINS } from './access.ts'
import { idField, instantField, instants, present, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'
import {
  keyIssued,
  missing,
  networksField,
  type SourceKeysParts,
  sourceKeys,
  tokenUrlOf,
} from './sources-keys.ts'

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

/** An issuer as people see it. */
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

/** The issuers whose signed tokens a source accepts. */
export function sourceIssuerRoutes(parts: SourceKeysParts): Route[] {
  const { sources, clock, authenticator } = parts
  const keys = sourceKeys(parts)
  return [
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
          if (!(await sources.addIssuer(params.id, issuer, tx))) throw missing('source')
          await act({ entry: keyIssued(params.id, issuer, 'issuer') })
        })
        authenticator.invalidate(params.id)
        return {
          status: 201,
          json: {
            ...showIssuer(issuer),
            clientId: params.id,
            tokenUrl: tokenUrlOf(parts.publicUrl, params.id),
          },
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
      handle: async ({ params: { id, issuerId }, acts }) =>
        await keys.revoke(id, { list: 'issuers', id: issuerId }, acts),
    }),
  ]
}
