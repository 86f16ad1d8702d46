import { generateKeyPairSync, verify } from 'node:crypto'
import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type FakeUser, type OktaState, startFakeOkta } from './fake.ts'

const user = (id: string, login: string, status = 'ACTIVE'): FakeUser => ({
  id,
  status,
  profile: { login, email: login, employeeNumber: `emp-${id}` },
})

const fresh = (): OktaState => ({
  users: [
    user('hub', 'hub@example.com'),
    user('u2', 'locked@example.com', 'LOCKED_OUT'),
    user('u7', 'jane@example.com'),
    user('u8', 'twin@example.com'),
    user('u9', 'twin.old@example.com'),
  ],
  sessions: new Map([
    ['session-of-jane', 'u7'],
    ['session-of-twin', 'u8'],
  ]),
  consents: [
    { id: 'c1', userId: 'u7', status: 'ACTIVE' },
    { id: 'c2', userId: 'u8', status: 'ACTIVE' },
  ],
  refreshTokens: [
    { id: 'r1', userId: 'u7', clientId: 'mail', status: 'ACTIVE' },
    { id: 'r2', userId: 'u7', clientId: 'notes', status: 'ACTIVE' },
    { id: 'r3', userId: 'u8', clientId: 'mail', status: 'ACTIVE' },
  ],
  apiTokens: [
    { id: 't1', userId: 'u8' },
    { id: 't2', userId: 'hub' },
    { id: 't3', userId: 'u7' },
    { id: 't4', userId: 'u7' },
  ],
  groups: [
    { id: 'everyone', type: 'BUILT_IN', members: new Set(['u7', 'u8']) },
    { id: 'synced', type: 'APP_GROUP', members: new Set(['u7']) },
    { id: 'staff', type: 'OKTA_GROUP', members: new Set(['u7', 'u8']) },
    { id: 'admins', type: 'OKTA_GROUP', members: new Set(['u7']) },
  ],
  apps: [
    { id: 'wiki', users: new Map([['u7', 'USER']]) },
    { id: 'chat', users: new Map([['u7', 'GROUP']]) },
  ],
  factors: new Set(['u7', 'u8']),
})

export interface OktaWorld extends KitWorld {
  okta: OktaState
  proxy: FaultProxy
  /** What a call with an access token of the person is answered. */
  useSession(token: string): Promise<number>
}

const TOKENS = { doer: 'canary-doer-5d1c77', witness: 'canary-witness-90ab12' }
const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = KEYS.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

/** An organization held to Okta's own description, behind a proxy that can misbehave. */
export async function oktaWorld(
  config: object = {},
  auth: 'token' | 'oauth' = 'token',
): Promise<OktaWorld> {
  const okta = fresh()
  let origin = ''
  const who = (authorization: string) => {
    if (authorization === `SSWS ${TOKENS.doer}`) return { isWriter: true, userId: 'hub' }
    if (authorization === `SSWS ${TOKENS.witness}`) return { isWriter: false, userId: 'hub' }
    const client = /^Bearer access-token-of-(\w+)$/.exec(authorization)?.[1]
    return client === undefined ? undefined : { isWriter: client === 'doer' }
  }
  const server = await startFakeOkta(okta, who, () => origin, {
    'POST /oauth2/v1/token': ({ body }) => {
      const client = clientOf(new URLSearchParams(String(body)), origin)
      return client === undefined
        ? { status: 401, body: { error: 'invalid_client' } }
        : {
            status: 200,
            body: {
              access_token: `access-token-of-${client}`,
              expires_in: 3600,
              token_type: 'Bearer',
            },
          }
    },
  })
  const proxy = await startFaultProxy(server.origin)
  origin = proxy.origin
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method, path }: SeenRequest): boolean =>
    method !== 'GET' && !path.startsWith('/oauth2/')
  const isSearch = ({ path }: SeenRequest): boolean => path.startsWith('/api/v1/users?')
  const isLive = (facet: Facet): boolean => {
    switch (facet) {
      case 'account':
        return okta.users.some(({ id, status }) => id === 'u7' && status === 'ACTIVE')
      case 'session':
        return okta.sessions.has('session-of-jane')
      case 'oauth_grant':
        return [...okta.consents, ...okta.refreshTokens].some(
          ({ userId, status }) => userId === 'u7' && status === 'ACTIVE',
        )
      case 'api_token':
        return okta.apiTokens.some(({ userId }) => userId === 'u7')
      case 'membership':
        return okta.groups.some(({ type, members }) => type === 'OKTA_GROUP' && members.has('u7'))
      default:
        return okta.factors.has('u7')
    }
  }
  return {
    okta,
    proxy,
    useSession: async (token) => {
      const headers = { authorization: `Bearer ${token}` }
      return (await fetch(`${server.origin}/oauth2/v1/userinfo`, { headers })).status
    },
    app: {
      id: 'app',
      connectorId: 'okta',
      config: {
        orgUrl: origin,
        auth: auth === 'token' ? { kind: auth } : { kind: auth, clientId: 'doer' },
        correlateBy: ['userName', 'externalId'],
        facets: ['session', 'oauth_grant', 'api_token', 'membership', 'local_login'],
        appAssignments: true,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets:
      auth === 'token' ? { token: TOKENS.doer, witnessToken: TOKENS.witness } : { privateKey: PEM },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-u7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-u9' },
    accountId: 'u7',
    strangerId: 'u999',
    isLive,
    bystandersHit: () =>
      okta.users.filter(({ id, status }) => id !== 'u7' && /SUSP|DEPROV/.test(status)).length +
      (okta.sessions.has('session-of-twin') ? 0 : 1) +
      (okta.consents[1]?.status === 'ACTIVE' ? 0 : 1) +
      (okta.refreshTokens[2]?.status === 'ACTIVE' ? 0 : 1) +
      (okta.apiTokens.filter(({ userId }) => userId !== 'u7').length === 2 ? 0 : 1) +
      (okta.groups.every(({ id, members }) => id !== 'staff' || members.has('u8')) ? 0 : 1) +
      (okta.factors.has('u8') ? 0 : 1),
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'answer', status: 204 }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => JSON.stringify(okta.users) }, isSearch),
      repeatPages: () =>
        proxy.inject(
          {
            kind: 'answer',
            status: 200,
            headers: { link: '</api/v1/users?limit=200&after=same>; rel="next"' },
            body: JSON.stringify(okta.users.slice(0, 2)),
          },
          isSearch,
        ),
    },
    cannot: { hideRows: 'the listing carries no count' },
    close: async () => {
      await proxy.close()
      await server.close()
    },
  }
}

/** The client of a token request, if it is as RFC 7523 §3 and Okta ask. */
function clientOf(form: URLSearchParams, origin: string): string | undefined {
  const [head = '', claims = '', signature = ''] = (form.get('client_assertion') ?? '').split('.')
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    KEYS.publicKey,
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned || form.get('grant_type') !== 'client_credentials') return undefined
  if (!form.get('client_assertion_type')?.endsWith(':jwt-bearer')) return undefined
  const { iss, sub, aud, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const isGood = aud === `${origin}/oauth2/v1/token` && iss === sub && exp * 1_000 > Date.now()
  return isGood && form.get('scope')?.includes('okta.users.manage') ? iss : undefined
}
