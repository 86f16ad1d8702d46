import type { Column, Unit } from './progress-table.ts'

/** The few calls of the admin API that the demo makes. */
export interface HubApi {
  createSource(
    id: string,
    name: string,
    dialect: string,
  ): Promise<{ scimBaseUrl: string; token: string }>
  registerApp(app: {
    name: string
    connectorId: string
    config: object
    secrets: Record<string, string>
    scope: object
  }): Promise<Column>
  testApp(appId: string): Promise<{ credential: string; name: string; ok: boolean }[]>
  revocations(): Promise<Unit[]>
  /** Id of the newest case of a person, once it is closed. */
  closedOffboarding(sourceId: string, userId: string, patienceMs: number): Promise<string>
  certificate(offboardingId: string): Promise<Uint8Array>
}

export function createHubApi(origin: string, token: string): HubApi {
  const call = async (method: string, path: string, body?: object): Promise<Response> => {
    const response = await fetch(`${origin}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok)
      throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response
  }
  const json = async <T>(method: string, path: string, body?: object): Promise<T> =>
    (await (await call(method, path, body)).json()) as T

  return {
    createSource: (id, name, dialect) => json('POST', '/sources', { id, name, dialect }),
    async registerApp(app) {
      const { id } = await json<{ id: string }>('POST', '/apps', {
        ...app,
        class: 1,
        owners: [`${app.name.toLowerCase()}-owners@example.com`],
        allowNetworks: ['127.0.0.0/8'],
      })
      return { appId: id, title: app.name }
    },
    testApp: async (id) =>
      (
        await json<{ checks: { credential: string; name: string; ok: boolean }[] }>(
          'POST',
          `/apps/${id}/test`,
        )
      ).checks,
    async revocations() {
      const all: Unit[] = []
      let cursor: string | undefined
      do {
        const query = new URLSearchParams({
          limit: '200',
          ...(cursor === undefined ? {} : { cursor }),
        })
        const page = await json<{ items: Unit[]; nextCursor?: string }>(
          'GET',
          `/revocations?${query}`,
        )
        all.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined)
      return all
    },
    async closedOffboarding(sourceId, userId, patienceMs) {
      for (const end = Date.now() + patienceMs; Date.now() < end; ) {
        const query = new URLSearchParams({ source: sourceId, user: userId })
        const { items } = await json<{ items: { id: string; userId: string; state: string }[] }>(
          'GET',
          `/offboardings?${query}`,
        )
        const closed = items.find((o) => o.userId === userId && o.state === 'closed')
        if (closed !== undefined) return closed.id
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error('the case was not closed in time')
    },
    certificate: async (id) =>
      new Uint8Array(await (await call('GET', `/offboardings/${id}/certificate`)).arrayBuffer()),
  }
}
