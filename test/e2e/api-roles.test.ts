import { afterAll, expect, test } from 'vitest'
import { ROLES } from '../../src/auth/principal.ts'
import { createContract, type Description, operationsOf } from './api-contract.ts'
import { ADMIN, startApi } from './api-harness.ts'

const api = await startApi()
afterAll(() => api.close())
const description = (await api.api('GET', '/openapi.json')).json as Description
const operations = operationsOf(description)
const tokens = new Map<string, string>()
for (const role of ROLES) {
  const owner = role === 'owner' ? { ownerName: 'ann@example.com' } : {}
  const body = { name: role, role, ...owner, person: `${role}@example.com` }
  tokens.set(role, (await api.api('POST', '/tokens', body)).json.token)
}

/** Only the status: some answers have no end. */
async function statusOf(method: string, path: string, token: string | undefined): Promise<number> {
  const stop = new AbortController()
  const url = `${api.origin}/api/v1${path.replaceAll(/\{\w+\}/g, '1')}`
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(url, { method, headers, signal: stop.signal })
  stop.abort()
  return response.status
}

const isPublic = ({ path }: { path: string }): boolean => ['/docs', '/openapi.json'].includes(path)

test.each(operations.filter((o) => !isPublic(o)).map((o) => [o.method, o.path, o.roles] as const))(
  'role matrix, %s %s, lets in the roles of its description and nobody else',
  async (method, path, allowed) => {
    expect(await statusOf(method, path, undefined)).toBe(401)
    const seen = [...tokens].map(
      async ([role, token]) => [role, await statusOf(method, path, token)] as const,
    )
    for (const [role, status] of await Promise.all(seen)) {
      if (allowed.includes(role)) expect.soft([401, 403], role).not.toContain(status)
      else expect.soft(status, role).toBe(403)
    }
  },
)

test.each(operations.filter(isPublic))(
  'role matrix, GET $path, is for anybody and says so',
  async ({ path, operation }) => {
    expect(operation).toMatchObject({ security: [] })
    expect(await statusOf('GET', path, undefined)).toBe(200)
    expect(await statusOf('POST', path, undefined)).toBe(401)
  },
)

test('role matrix, what each role may change, is what the documentation says', () => {
  const changes = (role: string): string[] =>
    operations
      .filter(({ method, roles }) => method !== 'GET' && roles.includes(role))
      .map(({ method, path }) => `${method} ${path}`)
      .sort()
  for (const role of ['viewer', 'metrics']) expect(changes(role)).toEqual([])
  expect(changes('auditor')).toEqual(['POST /revocations/{id}/observe'])
  expect(changes('owner')).toEqual([
    'DELETE /users/{sourceId}/{userId}/links/{appId}',
    'POST /approvals',
    'POST /approvals/{id}/withdraw',
    'POST /apps/{id}/test',
    'POST /revocations/{id}/assign',
    'POST /revocations/{id}/attest',
    'POST /revocations/{id}/observe',
    'POST /revocations/{id}/retry',
    'PUT /users/{sourceId}/{userId}/links/{appId}',
  ])
  for (const path of ['/sources', '/apps', '/tokens', '/approvals/{id}/approve']) {
    expect(changes('operator')).not.toContain(`POST ${path}`)
  }
  expect(operations.every(({ roles }) => roles.includes('admin'))).toBe(true)
  expect(operations.some(({ roles }) => roles.includes('metrics'))).toBe(false)
  for (const role of ['viewer', 'owner', 'operator']) {
    const reads = operations.filter((o) => o.method === 'GET' && o.roles.includes(role))
    expect(reads.map((o) => o.path)).not.toContain('/audit')
    expect(reads.map((o) => o.path)).not.toContain('/tokens')
    expect(reads.map((o) => o.path)).not.toContain('/ledger/entries/{index}')
  }
})

test('contract, an answer that the document does not describe, is found', () => {
  const check = createContract(description)
  const seen = { method: 'GET', path: '/tokens', status: 200, contentType: 'application/json' }
  expect(check({ ...seen, json: { items: [] } })).toEqual([])
  expect(check({ ...seen, json: { items: [{ id: 7 }] } })).toHaveLength(1)
  expect(check({ ...seen, json: { items: [], extra: 1 } })).toHaveLength(1)
  expect(check({ ...seen, status: 201, json: {} })).toHaveLength(1)
  expect(check({ ...seen, contentType: 'text/html', json: undefined })).toHaveLength(1)
  expect(check({ ...seen, path: '/nowhere', json: {} })).toHaveLength(1)
  expect(ADMIN).toHaveLength(51)
})
