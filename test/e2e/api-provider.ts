import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

/** An OpenID Connect provider on this machine, at which whoever is `signedInAs` consents to everything. */
export async function startProvider() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const accounts = new Map<string, Record<string, unknown>>()
  let signedInAs = ''

  return {
    issuer,
    /** What the provider says of a person. */
    account: (id: string, claims: Record<string, unknown>) => accounts.set(id, claims),
    signInAs: (id: string) => {
      signedInAs = id
    },
    /** The hub's address is known after the provider's. */
    serve: (redirectUri: string) => {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: 'hub',
            client_secret: 'secret-of-the-hub',
            redirect_uris: [redirectUri],
            token_endpoint_auth_method: 'client_secret_post',
          },
        ],
        cookies: { keys: ['cookie-key-of-the-test'] },
        conformIdTokenClaims: false,
        claims: {
          openid: ['sub'],
          email: ['email', 'email_verified'],
          profile: ['groups', 'name'],
        },
        features: { devInteractions: { enabled: false } },
        findAccount: async (_context, id) => ({
          accountId: id,
          claims: async () => ({ sub: id, ...accounts.get(id) }),
        }),
        interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      })
      const handle = provider.callback()
      server.on('request', (request, response) => {
        if (!request.url?.startsWith('/interaction/')) {
          handle(request, response)
          return
        }
        answer(provider, signedInAs, request, response).catch((error: unknown) => {
          response.statusCode = 500
          response.end(String(error))
        })
      })
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(
  provider: Provider,
  accountId: string,
  request: Parameters<Provider['interactionDetails']>[0],
  response: Parameters<Provider['interactionDetails']>[1],
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId } })
    return
  }
  const grant = new provider.Grant({
    accountId: session?.accountId ?? accountId,
    clientId: String(params['client_id']),
  })
  grant.addOIDCScope('openid email profile')
  const grantId = await grant.save()
  await provider.interactionFinished(request, response, { consent: { grantId } })
}
