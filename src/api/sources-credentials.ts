import { z } from 'zod'
import { ADMINS } from './access.ts'
import { idField, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'
import { expiryField, type SourceKeysParts, sourceKeys, tokenUrlOf } from './sources-keys.ts'

const params = z.object({ id: sourceIdField })
const deleted = { 204: { description: 'Deleted' } }

/** Tokens, and client secrets for the token endpoint. Each is shown once, when it is made. */
export function sourceCredentialRoutes(parts: SourceKeysParts): Route[] {
  const keys = sourceKeys(parts)
  return [
    defineRoute({
      method: 'POST',
      path: '/sources/{id}/tokens',
      summary: 'Make a further token; the old ones go on working until they are deleted',
      allow: ADMINS,
      params,
      body: z.strictObject({ expiresInDays: expiryField }),
      bodyOptional: true,
      answers: {
        201: {
          description: 'The token is shown here and never again',
          schema: z.object({ tokenId: z.string(), token: z.string() }),
        },
      },
      handle: async ({ params: { id }, body, acts }) => {
        const { token, record } = keys.make('scim', body.expiresInDays)
        await keys.issue(id, 'tokens', record, acts)
        return { status: 201, json: { tokenId: record.id, token } }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/sources/{id}/tokens/{tokenId}',
      summary: 'Delete a token; it is refused everywhere after at most one second',
      allow: ADMINS,
      params: params.extend({ tokenId: idField }),
      answers: deleted,
      handle: async ({ params: { id, tokenId }, acts }) =>
        await keys.revoke(id, { list: 'tokens', id: tokenId }, acts),
    }),

    defineRoute({
      method: 'POST',
      path: '/sources/{id}/client-secrets',
      summary: 'Make a client secret for the token endpoint; several may be active at once',
      allow: ADMINS,
      params,
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
      handle: async ({ params: { id }, body, acts }) => {
        const { token, record } = keys.make('client', body.expiresInDays)
        await keys.issue(id, 'clientSecrets', record, acts)
        const tokenUrl = tokenUrlOf(parts.publicUrl, id)
        return {
          status: 201,
          json: { id: record.id, clientId: id, clientSecret: token, tokenUrl },
        }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/sources/{id}/client-secrets/{secretId}',
      summary: 'Delete a client secret, and with it every access token that was got by it',
      allow: ADMINS,
      params: params.extend({ secretId: idField }),
      answers: deleted,
      handle: async ({ params: { id, secretId }, acts }) =>
        await keys.revoke(id, { list: 'clientSecrets', id: secretId }, acts),
    }),
  ]
}
