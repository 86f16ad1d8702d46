/** The code of a new connector. `NAME` stands for its name. */

export const CONFIG = `import { z } from 'zod'

/** What the owner of the application fills in. Each title becomes a label of the form. */
export const config = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\\/+$/, ''))
    .meta({ title: 'Base URL', examples: ['https://NAME.example.com/api'] }),
})

export type Config = z.output<typeof config>
`

export const API = `import {
  type AccountKeys,
  type AppPage,
  ConnectorError,
  type HttpRequest,
  type HttpResponse,
  jsonObject,
  pathSegment,
  type ReadingOptions,
} from '#connector-sdk'
import type { Config } from './config.ts'

/** Requests to the application and the reading of its answers. Nothing here sends anything. */

/** A user as the application shows it. */
export interface User {
  id: string
  active: boolean | undefined
  keys: AccountKeys
}

export const getUser = ({ baseUrl }: Config, id: string): HttpRequest => ({
  method: 'GET',
  url: \`\${baseUrl}/users/\${pathSegment(id)}\`,
})

/** @param query undefined: everybody */
export function findUsers({ baseUrl }: Config, query?: string, cursor?: string): HttpRequest {
  const parameters = new URLSearchParams()
  if (query !== undefined) parameters.set('query', query)
  if (cursor !== undefined) parameters.set('cursor', cursor)
  return { method: 'GET', url: \`\${baseUrl}/users?\${parameters}\` }
}

export const setActive = ({ baseUrl }: Config, id: string, active: boolean): HttpRequest => ({
  method: 'PATCH',
  url: \`\${baseUrl}/users/\${pathSegment(id)}\`,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ active }),
})

/** @returns undefined when there is no such user @throws ConnectorError */
export function userAnswer(response: HttpResponse, options: ReadingOptions): User | undefined {
  return response.status === 404 ? undefined : userOf(jsonObject(response, options))
}

/** @throws ConnectorError */
export function usersAnswer(response: HttpResponse, options: ReadingOptions): AppPage<User> {
  const { users, next } = jsonObject(response, options)
  if (!Array.isArray(users)) {
    throw new ConnectorError('invalid', 'no list of users', { evidence: response.evidence })
  }
  return { items: users.map(userOf), ...(typeof next === 'string' ? { next } : {}) }
}

function userOf(value: unknown): User {
  const { id, active, login, email } = (value ?? {}) as Record<string, unknown>
  return {
    id: String(id ?? ''),
    // Missing is not false.
    active: typeof active === 'boolean' ? active : undefined,
    keys: {
      ...(typeof login === 'string' ? { userName: login } : {}),
      emails: typeof email === 'string' ? [email] : [],
    },
  }
}
`

export const INDEX = `import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Handle,
  type HttpClient,
  type HttpResponse,
  isLostAnswer,
  jsonObject,
  type Match,
  nothingToPutBack,
  type Observation,
  preview,
  readAll,
  withHeaders,
} from '#connector-sdk'
import { findUsers, getUser, setActive, type User, userAnswer, usersAnswer } from './api.ts'
import { type Config, config } from './config.ts'

type Call = CallContext<Config>

export default defineConnector<Config>({
  manifest: {
    id: 'NAME',
    version: '0.1.0',
    title: 'NAME',
    configSchema: config,
    secrets: {
      token: { title: 'Token that may read and disable users', required: true, inHeader: true },
      witnessToken: { title: 'Token that may only read users', required: false, inHeader: true },
    },
    // Facts about the application. Be modest: what is promised here is what the hub believes.
    facets: [
      {
        facet: 'account',
        enumerate: 'complete',
        revoke: 'api',
        observe: 'strong',
        settleMs: 0,
        residualMs: 0,
        reversible: true,
      },
    ],
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  test: async (call) => [
    await check('account.list', async () => {
      const { items } = await page(undefined, undefined, call)
      return \`read \${items.length} user(s)\`
    }),
    { name: 'account.revoke', ok: true, detail: 'not tried: a test writes nothing' },
  ],

  correlate: async (subject, call) => {
    const found = new Map<string, Match>()
    for (const query of new Set([subject.userName, ...subject.emails])) {
      for (const { user, response } of await search(query, call)) {
        // Compared here in any case: a server may ignore the query.
        const hit = compareKeys(subject, user.keys, ['userName', 'emails'])
        if (hit === undefined) continue
        const handle: Handle = { facet: 'account', id: user.id }
        found.set(user.id, { handle, ...hit, evidence: response.evidence })
      }
    }
    return [...found.values()]
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', \`no listing of \${facet}\`)
    if (of !== 'everyone') {
      const found = await search(of.userName, call)
      return {
        items: found
          .filter(({ user }) => compareKeys(of, user.keys, ['userName']) !== undefined)
          .map(({ user, response }) => observation(user, response)),
        complete: true,
      }
    }
    const { items, next } = await page(undefined, cursor, call)
    return {
      items: items.map(({ user, response }) => observation(user, response)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: (handle, call) => change(handle, false, call),

  restore: async (handle, undo, call) => {
    if (isLostAnswer(undo) || undo['active'] === true) return change(handle, true, call)
    throw nothingToPutBack()
  },

  observe: async (handle, call) => {
    const { user, response } = await read(handle, call)
    if (user !== undefined) return observation(user, response)
    return { handle, state: 'absent', at: response.evidence.at, evidence: response.evidence }
  },
})

/** The client with the credential. With the witness credential the hub puts that one in its place. */
const authorized = ({ http, secrets }: Call): HttpClient =>
  withHeaders(http, { authorization: \`Bearer \${secrets['token']}\` })

async function read(
  { id }: Handle,
  call: Call,
): Promise<{ user: User | undefined; response: HttpResponse }> {
  const response = await authorized(call).send(getUser(call.config, id))
  const user = userAnswer(response, { what: 'read the user', isRead: true, now: call.now() })
  return { user, response }
}

async function change(handle: Handle, active: boolean, call: Call): Promise<Ack> {
  // Read first: what is so already is not written again, and only what was taken is put back.
  const { user, response: before } = await read(handle, call)
  if (user === undefined) {
    throw new ConnectorError('gone', 'no such user', { evidence: before.evidence })
  }
  if (user.active === active) return { kind: 'already', evidence: before.evidence }
  const request = setActive(call.config, user.id, active)
  if (call.dryRun) {
    return preview(call, { method: request.method, target: before.evidence.target })
  }
  const response = await authorized(call).send(request)
  jsonObject(response, { what: 'change the user', isRead: false, now: call.now() })
  return {
    kind: 'done',
    evidence: response.evidence,
    ...(active ? {} : { undo: { active: true } }),
  }
}

interface Found {
  user: User
  response: HttpResponse
}

async function page(
  query: string | undefined,
  cursor: string | undefined,
  call: Call,
): Promise<{ items: Found[]; next?: string }> {
  const response = await authorized(call).send(findUsers(call.config, query, cursor))
  const { items, ...rest } = usersAnswer(response, {
    what: 'list the users',
    isRead: true,
    now: call.now(),
  })
  return { ...rest, items: items.map((user) => ({ user, response })) }
}

const search = (query: string, call: Call): Promise<Found[]> =>
  readAll((cursor) => page(query, cursor, call), 10_000)

function observation({ id, active, keys }: User, { evidence }: HttpResponse): Observation {
  const state = active === undefined ? 'unknown' : active ? 'live' : 'dead'
  return { handle: { facet: 'account', id }, state, at: evidence.at, evidence, keys }
}
`
