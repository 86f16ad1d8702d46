import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type GroupForm, tryGroupForm, tryUserForm, type UserForm } from './scim-forms.ts'
import { GROUPS } from './scim-forms-groups.ts'
import { HTTP, type HttpForm } from './scim-forms-http.ts'
import { FILTERS, PAGES, PEOPLE, PROJECTIONS } from './scim-forms-queries.ts'
import { LEAVERS, PROFILES, WHOLE } from './scim-forms-users.ts'
import { type Client, scimServer } from './scim-server.ts'

const database = await freshDatabase()
const server = await scimServer(database.connection, { budgetMs: 60_000 })
afterAll(async () => {
  await server.close()
  await database.dispose()
})

let n = 0

describe('forms of one user', () => {
  let client: Client
  beforeAll(async () => {
    client = await server.source('forms-users')
  })
  test.concurrent.each(
    [...LEAVERS, ...WHOLE, ...PROFILES].map((form): [string, UserForm] => [form.name, form]),
  )('%s', async (_, form) => {
    const { gives, after } = await tryUserForm(client, form, ++n)
    expect(gives, JSON.stringify(after)).toBe(form.gives)
    expectPart(after, form.after ?? {})
    for (const name of form.without ?? []) expect(after, name).not.toHaveProperty([name])
  })
})

describe('forms of one group', () => {
  let client: Client
  const people: Record<string, string> = {}
  beforeAll(async () => {
    client = await server.source('forms-groups')
    await client.group('Taken')
    for (const name of ['u1', 'u2', 'u3', 'u4']) people[name] = await client.user(name)
  })
  test.concurrent.each(GROUPS.map((form): [string, GroupForm] => [form.name, form]))(
    '%s',
    async (_, form) => {
      const { gives, members, after } = await tryGroupForm(client, people, form, ++n)
      expect({ gives, members }).toEqual({ gives: form.gives, members: form.members })
      expectPart(after, form.after ?? {})
    },
  )
})

describe('requests', () => {
  let client: Client
  beforeAll(async () => {
    client = await server.source('forms-http')
  })
  test.concurrent.each(HTTP.map((form): [string, HttpForm] => [form.name, form]))(
    '%s',
    async (_, form) => {
      const own = String(++n)
      const id = await client.user(`http.${own}`)
      const group = await client.group(`Http ${own}`)
      const fill = (text: string): string =>
        text
          .replaceAll('{n}', own)
          .replaceAll('{id}', id)
          .replaceAll('{group}', group)
          .replaceAll('{token}', client.token)
      const [method, path, body, headers = {}] = form.request
      const answer = await client.send(
        method,
        fill(path),
        body === undefined
          ? undefined
          : fill(typeof body === 'string' ? body : JSON.stringify(body)),
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
      )
      const scimType = answer.json?.scimType
      const gives = scimType === undefined ? `${answer.status}` : `${answer.status} ${scimType}`
      expect(gives, answer.text.slice(0, 500)).toBe(form.gives)
      for (const [name, wanted] of Object.entries(form.headers ?? {})) {
        expect(answer.headers.get(name), name).toMatch(wanted)
      }
      if (form.body) expectPart(answer.json, JSON.parse(fill(JSON.stringify(form.body))))
    },
  )
})

describe('queries', () => {
  let client: Client
  let ann = ''
  let group = ''
  beforeAll(async () => {
    client = await server.source('forms-queries')
    for (const [userName, more] of Object.entries(PEOPLE)) {
      const id = await client.user(userName, more)
      if (userName === 'ann@x.test') ann = id
    }
    group = await client.group('The Group', [ann])
  })
  const filled = (text: string): string =>
    text.replaceAll('{ann}', ann).replaceAll('{group}', group)

  test.concurrent.each(FILTERS)('filter %s', async (filter, wanted) => {
    const answer = await client.filter('/Users', filled(filter))
    if (typeof wanted === 'string') {
      expect([answer.status, answer.json.scimType]).toEqual([400, wanted])
      return
    }
    expect(answer.status, answer.text).toBe(200)
    const names = answer.json.Resources.map((one: { userName: string }) => one.userName)
    expect(names.sort()).toEqual([...wanted].sort())
    expect(answer.json.totalResults).toBe(wanted.length)
  })

  test.concurrent.each(PAGES)('list ?%s', async (query, wanted) => {
    const { status, json } = await client.get(`/Users?${query}`)
    const said =
      status === 200
        ? `${json.totalResults} ${json.itemsPerPage} ${json.startIndex}`
        : `${status} ${json.scimType}`
    expect(said).toBe(wanted)
    if (status === 200) expect(json.Resources).toHaveLength(json.itemsPerPage)
  })

  test.concurrent.each(PROJECTIONS)('user ?%s', async (query, wanted) => {
    const { status, json } = await client.get(`/Users/${ann}?${query}`)
    expect([status, Object.keys(json).sort()]).toEqual([200, wanted.split(' ').sort()])
  })
})

test('/Schemas, asked for, gives every attribute all of its characteristics (RFC 7643 §7, §8.7)', async () => {
  const client = await server.source('forms-schemas')
  const { json } = await client.get('/Schemas')
  const told: string[] = []
  const visit = (attributes: Record<string, unknown>[], where: string): void => {
    for (const attribute of attributes) {
      const name = `${where}${attribute['name']}`
      expect(attribute, name).toMatchObject({
        type: expect.stringMatching(
          /^(string|boolean|decimal|integer|dateTime|binary|reference|complex)$/,
        ),
        multiValued: expect.any(Boolean),
        description: expect.stringMatching(/\S/),
        required: expect.any(Boolean),
        caseExact: expect.any(Boolean),
        mutability: expect.stringMatching(/^(readOnly|readWrite|immutable|writeOnly)$/),
        returned: expect.stringMatching(/^(always|never|default|request)$/),
        uniqueness: expect.stringMatching(/^(none|server|global)$/),
      })
      expect(Object.values(attribute), name).not.toContain(null)
      if (attribute['type'] === 'reference') {
        expect(attribute['referenceTypes'], name).toBeInstanceOf(Array)
      }
      if (attribute['uniqueness'] !== 'none' || attribute['required']) told.push(name)
      const subs = attribute['subAttributes'] as Record<string, unknown>[] | undefined
      expect(subs !== undefined, name).toBe(attribute['type'] === 'complex')
      visit(subs ?? [], `${name}.`)
    }
  }
  for (const { id, attributes } of json.Resources) visit(attributes, `${id.split(':').at(-1)} `)
  expect(told).toEqual(['User userName', 'Group displayName'])
})

/** As `toMatchObject`; a regular expression stands for a text. */
function expectPart(actual: unknown, part: object): void {
  const strings = (value: unknown): unknown => {
    if (value instanceof RegExp) return expect.stringMatching(value)
    if (Array.isArray(value)) return value.map(strings)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, strings(item)]))
  }
  expect(actual).toMatchObject(strings(part) as object)
}
