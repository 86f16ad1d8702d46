/** Calls of a running hub as an admin and as a provider would make them, over real HTTP. */
export interface HubClient {
  origin: string
  adminToken: string
  api<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<T>
  /** The whole answer, whatever its status. */
  raw(
    method: string,
    path: string,
    body?: object | string,
    headers?: Record<string, string>,
  ): Promise<Response>
  createSource(id: string, dialect?: string): Promise<ScimClient>
  registerApp(app: {
    name: string
    connectorId?: string
    config: object
    secrets: Record<string, string>
    secretsExpireAt?: Record<string, string>
    scope?: object
    class?: number
  }): Promise<string>
  revocations(filter?: Record<string, string>): Promise<RevocationView[]>
}

export interface RevocationView {
  id: string
  offboardingId: string
  userId: string
  appId: string
  facet: string
  state: string
  generation: number
  reason?: string
  verdict?: { grade: string; kind: string }
}

export interface ScimClient {
  sourceId: string
  base: string
  token: string
  send(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
  /** Creates an active person `<name>@example.com`; returns the id. */
  createUser(name: string): Promise<string>
  createGroup(name: string, memberIds?: readonly string[]): Promise<string>
  patch(
    path: string,
    ...operations: object[]
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>
}

export function createHubClient(origin: string, adminToken: string): HubClient {
  const raw: HubClient['raw'] = (method, path, body, headers) =>
    fetch(origin + path, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const api: HubClient['api'] = async (method, path, body, headers) => {
    const response = await raw(method, `/api/v1${path}`, body, headers)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
  return {
    origin,
    adminToken,
    api,
    raw,
    createSource: async (id, dialect = 'generic') => {
      const { token } = await api<{ token: string }>('POST', '/sources', { id, name: id, dialect })
      return createScimClient(`${origin}/scim/${id}/v2`, id, token)
    },
    registerApp: async (app) => {
      const { id } = await api<{ id: string }>('POST', '/apps', {
        connectorId: 'scim',
        scope: { kind: 'everyone' },
        class: 1,
        owners: ['owner@example.com'],
        allowNetworks: ['127.0.0.0/8'],
        ...app,
      })
      return id
    },
    revocations: async (filter = {}) => {
      const all: RevocationView[] = []
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const query = new URLSearchParams({
          ...filter,
          limit: '200',
          ...(cursor ? { cursor } : {}),
        })
        const page: { items: RevocationView[]; nextCursor?: string } = await api(
          'GET',
          `/revocations?${query}`,
        )
        all.push(...page.items)
        cursor = page.nextCursor
      }
      return all
    },
  }
}

export function createScimClient(base: string, sourceId: string, token: string): ScimClient {
  const send: ScimClient['send'] = async (method, path, body) => {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    }
  }
  const created = async (path: string, body: object): Promise<string> => {
    const answer = await send('POST', path, body)
    if (answer.status !== 201)
      throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return String(answer.body['id'])
  }
  return {
    sourceId,
    base,
    token,
    send,
    createUser: (name) =>
      created('/Users', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: `${name}@example.com`,
        externalId: `ext-${name}`,
        displayName: name,
        emails: [{ value: `${name}@example.com`, type: 'work', primary: true }],
        active: true,
      }),
    createGroup: (name, memberIds = []) =>
      created('/Groups', {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
        displayName: name,
        members: memberIds.map((value) => ({ value })),
      }),
    patch: (path, ...operations) =>
      send('PATCH', path, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: operations,
      }),
  }
}
