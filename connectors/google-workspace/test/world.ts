import { generateKeyPairSync, verify } from 'node:crypto'
import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type FakeUser, type GoogleState, startFakeGoogle } from './fake.ts'

const user = (id: string, primaryEmail: string, more: Partial<FakeUser> = {}): FakeUser => ({
  id,
  primaryEmail,
  suspended: false,
  externalIds: [
    { value: `badge-${id}`, type: 'custom' },
    { value: `emp-${id}`, type: 'organization' },
  ],
  aliases: [],
  ...more,
})

const fresh = (): GoogleState => ({
  users: [
    user('1', 'hub@example.com'),
    user('2', "o'hara@example.com", { aliases: ['pat@example.com'] }),
    user('7', 'jane@example.com'),
    user('8', 'twin@example.com'),
    user('9', 'twin.old@example.com'),
  ],
  sessions: new Map([
    ['SID=jane', '7'],
    ['SID=twin', '8'],
  ]),
  tokens: [
    { userId: '7', clientId: 'notes.apps.example' },
    { userId: '7', clientId: 'mail.apps.example' },
    { userId: '8', clientId: 'mail.apps.example' },
  ],
  asps: [
    { userId: '7', codeId: 1 },
    { userId: '8', codeId: 1 },
  ],
  codes: new Map([
    ['7', ['canary-backup-code-7']],
    ['8', ['canary-backup-code-8']],
  ]),
  groups: [
    {
      id: 'g1',
      members: new Map([
        ['7', 'OWNER'],
        ['8', 'MEMBER'],
      ]),
    },
    { id: 'g2', members: new Map([['7', 'MEMBER']]) },
    { id: 'g3', members: new Map([['8', 'MEMBER']]) },
  ],
  roles: [
    { roleAssignmentId: 'a1', roleId: 'helpdesk', assignedTo: '7' },
    { roleAssignmentId: 'a2', roleId: 'helpdesk', assignedTo: '8' },
  ],
})

export interface GoogleWorld extends KitWorld {
  google: GoogleState
  proxy: FaultProxy
  /** What a call with a cookie of the person is answered. */
  useSession(cookie: string): Promise<number>
}

const KEYS = generateKeyPairSync('rsa', { modulusLength: 2048 })
const keyFile = (client: string): string =>
  JSON.stringify({
    type: 'service_account',
    client_email: `${client}@project.iam.example`,
    private_key_id: 'key-1',
    private_key: KEYS.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  })

/** Google's Admin SDK held to Google's own description, behind a proxy that can misbehave. */
export async function googleWorld(config: object = {}): Promise<GoogleWorld> {
  const google = fresh()
  let origin = ''
  const grants = new Map<string, readonly string[]>()
  const server = await startFakeGoogle(google, (authorization) => grants.get(authorization), {
    'POST /token': ({ body }) => {
      const scopes = scopesOf(new URLSearchParams(String(body)), `${origin}/token`)
      if (scopes === undefined) return { status: 401, body: { error: 'unauthorized_client' } }
      const access_token = `ya29.${grants.size}`
      grants.set(`Bearer ${access_token}`, scopes)
      return { status: 200, body: { access_token, expires_in: 3599, token_type: 'Bearer' } }
    },
  })
  const proxy = await startFaultProxy(server.origin)
  origin = proxy.origin
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ method, path }: SeenRequest): boolean => method !== 'GET' && path !== '/token'
  const isSearch = ({ path }: SeenRequest): boolean => path.includes('/v1/users?')
  const isLive = (facet: Facet): boolean => {
    switch (facet) {
      case 'account':
        return google.users.some(({ id, suspended }) => id === '7' && !suspended)
      case 'session':
        return google.sessions.has('SID=jane')
      case 'oauth_grant':
        return google.tokens.some(({ userId }) => userId === '7')
      case 'local_login':
        return google.asps.some(({ userId }) => userId === '7') || google.codes.has('7')
      default:
        return (
          google.groups.some(({ members }) => members.has('7')) ||
          google.roles.some(({ assignedTo }) => assignedTo === '7')
        )
    }
  }
  const listing = (users: readonly FakeUser[], more: object = {}): string =>
    JSON.stringify({ kind: 'admin#directory#users', users, ...more })
  return {
    google,
    proxy,
    useSession: async (cookie) => {
      const response = await fetch(`${server.origin}/mail`, { headers: { cookie } })
      return response.status
    },
    app: {
      id: 'app',
      connectorId: 'google-workspace',
      config: {
        adminEmail: 'hub@example.com',
        witnessAdminEmail: 'eye@example.com',
        correlateBy: ['userName', 'externalId'],
        settleSeconds: 0,
        apiUrl: origin,
        tokenUrl: `${origin}/token`,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { serviceAccountKey: keyFile('hub'), witnessServiceAccountKey: keyFile('eye') },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: '7',
    strangerId: '999',
    isLive,
    bystandersHit: () =>
      google.users.filter(({ id, suspended }) => id !== '7' && suspended).length +
      [
        google.sessions.has('SID=twin'),
        google.tokens.some(({ userId }) => userId === '8'),
        google.asps.some(({ userId }) => userId === '8'),
        google.codes.has('8'),
        google.groups.filter(({ members }) => members.has('8')).length === 2,
        google.roles.some(({ assignedTo }) => assignedTo === '8'),
      ].filter((isUntouched) => !isUntouched).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () => proxy.inject({ kind: 'answer', status: 204 }, isWrite),
      ignoreFilter: () =>
        proxy.inject({ kind: 'lie', body: () => listing(google.users) }, isSearch),
      repeatPages: () =>
        proxy.inject(
          {
            kind: 'lie',
            body: () => listing(google.users.slice(0, 2), { nextPageToken: 'same' }),
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

/** The scopes that an assertion asks for, if it is as Google asks and they were delegated to that account. */
function scopesOf(form: URLSearchParams, audience: string): readonly string[] | undefined {
  const [head = '', payload = '', signature = ''] = (form.get('assertion') ?? '').split('.')
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${payload}`),
    KEYS.publicKey,
    Buffer.from(signature, 'base64url'),
  )
  if (!isSigned || form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
    return undefined
  }
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string>
  const client = claims['iss']?.split('@')[0]
  if (claims['aud'] !== audience || claims['sub'] !== `${client}@example.com`) return undefined
  const scopes = claims['scope']?.split(' ') ?? []
  // The one that reads was delegated nothing that writes; Google has no security scope that only reads.
  const isDelegated = (scope: string): boolean => /\.(readonly|security)$/.test(scope)
  return client === 'hub' || scopes.every(isDelegated) ? scopes : undefined
}
