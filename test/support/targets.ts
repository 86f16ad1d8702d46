import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import {
  type Ack,
  type CallContext,
  ConnectorError,
  defineConnector,
  type Evidence,
  type FacetSpec,
  type Handle,
  type Manifest,
  type Observation,
} from '../../src/connector-sdk/contract.ts'

/** What a target does to the next calls. `late`: the write is applied that many ms after the connection was cut. */
export type Mood =
  | 'well'
  | 'lies'
  | 'down'
  | 'throttled'
  | 'refuses-credential'
  | 'forbidden'
  | 'drops-answer'
  | 'hangs'
  | { late: number }

export interface TargetAccount {
  userName: string
  active: boolean
}

/** A call that changed something at the target. */
export interface Write {
  at: number
  id: string
  active: boolean
  key: string
}

/** A small application on 127.0.0.1 that holds accounts. */
export interface Target {
  url: string
  accounts: Map<string, TargetAccount>
  writes: Write[]
  reads: number
  credentials: Set<string>
  mood: Mood
  /** How calls before the answer are held up. */
  delayMs: number
  close(): Promise<void>
}

export async function startTarget(accounts: Record<string, TargetAccount> = {}): Promise<Target> {
  const target: Target = {
    url: '',
    accounts: new Map(Object.entries(accounts)),
    writes: [],
    reads: 0,
    credentials: new Set(),
    mood: 'well',
    delayMs: 0,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      setTimeout(() => {
        const { method = '', url: path = '', headers } = request
        answer(target, { method, path, headers, body }, response)
      }, target.delayMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  target.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return target
}

/** What the target says; `hang` never answers, `cut` closes the connection without a word. */
type Reply = { status: number; value?: unknown; headers?: Record<string, string> } | 'hang' | 'cut'

interface Asked {
  method: string
  path: string
  headers: NodeJS.Dict<string | string[]>
  body: string
}

function answer(target: Target, asked: Asked, response: ServerResponse): void {
  const reply = replyTo(target, asked)
  if (reply === 'hang') return
  if (reply === 'cut') {
    response.destroy()
    return
  }
  response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
  response.end(JSON.stringify(reply.value ?? {}))
}

function replyTo(target: Target, { method, path, headers, body }: Asked): Reply {
  const { mood } = target
  target.credentials.add(String(headers['authorization']))
  if (mood === 'hangs') return 'hang'
  if (mood === 'down') return { status: 500 }
  if (mood === 'throttled') return { status: 429, headers: { 'retry-after': '1' } }
  if (mood === 'refuses-credential') return { status: 401 }
  const id = decodeURIComponent(path.slice('/accounts/'.length))
  const account = target.accounts.get(id)
  if (method === 'GET') {
    target.reads += 1
    if (path === '/accounts') {
      const value = [...target.accounts].map(([key, row]) => ({ id: key, ...row }))
      return { status: 200, value }
    }
    return account === undefined ? { status: 404 } : { status: 200, value: { id, ...account } }
  }
  if (mood === 'forbidden') return { status: 403 }
  if (account === undefined) return { status: 404 }
  const { active } = JSON.parse(body) as { active: boolean }
  const apply = (): void => {
    account.active = active
    target.writes.push({ at: Date.now(), id, active, key: String(headers['idempotency-key']) })
  }
  if (mood === 'lies') return { status: 200, value: { id, ...account, active } }
  if (typeof mood === 'object') {
    setTimeout(apply, mood.late)
    return 'cut'
  }
  apply()
  return mood === 'drops-answer' ? 'cut' : { status: 200, value: { id, ...account } }
}

export const TARGET_ACCOUNT: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
}

const config = z.object({ url: z.string() })
type Config = z.infer<typeof config>

/** A connector onto such a target, on plain fetch. */
export function targetConnector(
  options: { facets?: readonly FacetSpec[]; manifest?: Partial<Manifest<Config>> } = {},
) {
  return defineConnector<Config>({
    manifest: {
      id: 'target',
      version: '1.0.0',
      title: 'Test target',
      configSchema: config,
      secrets: {
        token: { title: 'Token', required: false },
        witnessToken: { title: 'Read token', required: false },
      },
      facets: options.facets ?? [TARGET_ACCOUNT],
      limits: { concurrency: 4, timeoutMs: 2_000 },
      quarantineMs: 1_000,
      absenceIs: 'proof',
      ...options.manifest,
    },
    test: async () => [],
    correlate: async (subject, call) => {
      const { body, evidence } = await send(call, 'GET', '/accounts')
      return (body as Row[])
        .filter((row) => row.userName.toLowerCase() === subject.userName.toLowerCase())
        .map((row) => ({
          handle: { facet: 'account', id: row.id },
          strength: 'exact',
          matchedOn: 'userName',
          evidence,
        }))
    },
    list: async (facet, _of, _cursor, call) => {
      const { body, evidence } = await send(call, 'GET', '/accounts')
      return {
        complete: true,
        items: (body as Row[]).map(
          (row): Observation => ({
            handle: { facet, id: row.id },
            state: row.active ? 'live' : 'dead',
            at: call.now(),
            evidence,
            keys: { userName: row.userName },
          }),
        ),
      }
    },
    revoke: (handle, call) => write(call, handle, false),
    observe: async (handle, call) => {
      const { status, body, evidence } = await send(call, 'GET', `/accounts/${handle.id}`)
      const state = status === 404 ? 'absent' : (body as Row).active ? 'live' : 'dead'
      return { handle, state, at: call.now(), evidence }
    },
    restore: (handle, _undo, call) => write(call, handle, true),
  })
}

interface Row extends TargetAccount {
  id: string
}

async function write(call: CallContext<Config>, handle: Handle, active: boolean): Promise<Ack> {
  const { status, evidence } = await send(call, 'PATCH', `/accounts/${handle.id}`, { active })
  if (status === 404) throw new ConnectorError('gone', 'no such account', { evidence })
  return { kind: 'done', evidence, undo: { active: true } }
}

async function send(
  call: CallContext<Config>,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown; evidence: Evidence }> {
  const wrote = method !== 'GET'
  let answered: Response
  let text: string
  try {
    answered = await fetch(`${call.config.url}${path}`, {
      method,
      signal: call.signal,
      headers: {
        authorization: call.secrets['token'] ?? '',
        'idempotency-key': call.idempotencyKey,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    text = await answered.text()
  } catch (error) {
    throw new ConnectorError('transient', 'no answer', {
      effect: wrote ? 'unknown' : 'none',
      cause: error,
    })
  }
  const { status } = answered
  const evidence: Evidence = { method, target: path, status, at: call.now(), body: text }
  const retryAfter = Number(answered.headers.get('retry-after'))
  if (status === 401) throw new ConnectorError('credential', 'refused', { evidence })
  if (status === 403) throw new ConnectorError('forbidden', 'refused', { evidence })
  if (status === 429) {
    throw new ConnectorError('throttled', 'later', { evidence, retryAfterMs: retryAfter * 1_000 })
  }
  if (status >= 500) {
    throw new ConnectorError('transient', 'broken', {
      evidence,
      effect: wrote ? 'unknown' : 'none',
    })
  }
  return { status, body: JSON.parse(text) as unknown, evidence }
}
