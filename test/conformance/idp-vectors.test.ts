import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type Answer, scimServer } from './scim-server.ts'

interface VectorRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: unknown
}
interface Check {
  path: (string | number | Record<string, unknown>)[]
  op: string
  value?: unknown
}
interface Expectation {
  status: number
  statusAlso?: number[]
  checks?: Check[]
}
interface Vector {
  id: string
  description: string
  setup?: { request: VectorRequest; save?: string }[]
  request: VectorRequest
  expect: Expectation
  followUp?: { request: VectorRequest; expect: Expectation }[]
}

const file = join(import.meta.dirname, 'idp-requests.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[]
/** These speak to the token endpoint: test/e2e/sources-tokens.test.ts replays them. */
const isForTokenEndpoint = ({ id }: Vector): boolean => id.startsWith('entra-wif-token')
const left = vectors.filter(isForTokenEndpoint).map(({ id }) => id)
if (left.length > 0)
  process.stdout.write(`replayed with the token endpoint instead: ${left.join(', ')}\n`)

const database = await freshDatabase()
const server = await scimServer(database.connection)
afterAll(async () => {
  await server.close()
  await database.dispose()
})

let sources = 0

test.each(vectors.filter((vector) => !isForTokenEndpoint(vector)).map((v) => [v.id, v] as const))(
  '%s',
  async (_, vector) => {
    sources++
    const client = await server.source(`vector-${sources}`)
    const variables: Record<string, string> = {
      n: randomBytes(4).toString('hex'),
      uuid: randomUUID(),
      token: client.token,
    }
    const send = async (given: VectorRequest): Promise<Answer> => {
      const { method, path, headers, body } = filled(given, variables)
      return await client.send(method, path, body ?? undefined, headers)
    }
    const verify = async (given: VectorRequest, wanted: Expectation): Promise<void> => {
      const answer = await send(given)
      const what = `${given.method} ${given.path} → ${answer.status} ${answer.text.slice(0, 400)}`
      expect([wanted.status, ...(wanted.statusAlso ?? [])], what).toContain(answer.status)
      if (answer.status !== wanted.status) return
      for (const check of wanted.checks ?? []) {
        const { path, op, value } = filled(check, variables)
        expect(holds(answer, { path, op, value }), `${JSON.stringify(check)} of ${what}`).toBe(true)
      }
    }

    for (const { request, save } of vector.setup ?? []) {
      const answer = await send(request)
      expect(answer.status, answer.text).toBeLessThan(300)
      if (save !== undefined) variables[save] = answer.json.id
    }
    await verify(vector.request, vector.expect)
    for (const { request, expect: wanted } of vector.followUp ?? []) await verify(request, wanted)
  },
)

test('the vectors, were the server to answer otherwise, would say so', () => {
  const answer = {
    json: { active: true, members: [{ value: 'a' }] },
    headers: new Headers(),
  } as Answer
  expect(holds(answer, { path: ['active'], op: 'equals', value: false })).toBe(false)
  expect(holds(answer, { path: ['members'], op: 'memberSet', value: ['b'] })).toBe(false)
  expect(holds(answer, { path: ['nothing'], op: 'present' })).toBe(false)
  expect(vectors.length).toBeGreaterThan(100)
})

/** Puts variables into every string, keys included. */
function filled<T>(given: T, variables: Record<string, string>): T {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.replace(/\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole)
    }
    if (Array.isArray(value)) return value.map(fill)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [fill(key) as string, fill(item)]),
    )
  }
  return fill(given) as T
}

function holds(answer: Answer, { path, op, value }: Check): boolean {
  const actual = found(answer, path)
  switch (op) {
    case 'equals':
      return actual === value
    case 'notEquals':
      return actual !== value
    case 'present':
      return !isEmpty(actual)
    case 'empty':
      return isEmpty(actual)
    case 'length':
      return ((actual as unknown[] | undefined)?.length ?? 0) === value
    case 'includes':
      return (
        Array.isArray(actual) &&
        actual.map((item) => String(item).toLowerCase()).includes(String(value).toLowerCase())
      )
    case 'type':
      return value === 'array' ? Array.isArray(actual) : typeof actual === value
    case 'matches':
      return (
        actual != null && new RegExp(String(value).replace('(?i)', ''), 'i').test(String(actual))
      )
    case 'equalsLengthOf':
      return actual === ((found(answer, value as Check['path']) as unknown[])?.length ?? 0)
    case 'memberSet': {
      const members = ((actual as { value: string }[] | undefined) ?? []).map((one) => one.value)
      return JSON.stringify(members.sort()) === JSON.stringify([...(value as string[])].sort())
    }
    default:
      throw new Error(`unknown check ${op}`)
  }
}

function found(answer: Answer, path: Check['path']): unknown {
  if (path[0] === '$header') return answer.headers.get(String(path[1]))
  let current: unknown = answer.json
  for (const step of path) {
    if (current === null || current === undefined) return undefined
    if (typeof step === 'object') {
      current = Array.isArray(current)
        ? current.find((item) => Object.entries(step).every(([k, v]) => member(item, k) === v))
        : undefined
    } else current = Array.isArray(current) ? current[Number(step)] : member(current, String(step))
  }
  return current
}

function member(object: unknown, key: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  const entry = Object.entries(object).find(([name]) => name.toLowerCase() === key.toLowerCase())
  return entry?.[1]
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
