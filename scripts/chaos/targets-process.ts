import { createWriteStream } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { drawMood, LATEST_EFFECT_MS, type Mood, readFault } from './moods.ts'
import { accountIdOf, personOf, userNameOf } from './people.ts'
import { createRandom } from './random.ts'
import { PID_HEADER, STEP_HEADER, type TargetLine } from './target-log.ts'

/** What the run tells this process. */
export type TargetsOrder =
  | {
      kind: 'start'
      apps: readonly string[]
      people: number
      seed: number
      log: string
      latencyMs: number
    }
  /** From here on every application behaves. */
  | { kind: 'heal' }
  /** The log is on the disk when this is answered. */
  | { kind: 'flush' }

type Facet = 'account' | 'session'
interface Write {
  app: string
  account: string
  facet: Facet
  live: boolean
  step: string
  pid: number
}
/** Who lives where: `<app>/<account>/<facet>`; absent means live. */
const dead = new Set<string>()
/** Changes so far, by the same key: an ETag of before must not match. */
const versions = new Map<string, number>()
let people = 0
let random: () => number = Math.random
let healed = false
let latencyMs = 0
let n = 0
let log: ReturnType<typeof createWriteStream> | undefined

const keyOf = ({ app, account, facet }: Pick<Write, 'app' | 'account' | 'facet'>): string =>
  `${app}/${account}/${facet}`
const isLive = (at: Pick<Write, 'app' | 'account' | 'facet'>): boolean => !dead.has(keyOf(at))

function note(line: Omit<TargetLine, 'n' | 'at'>): void {
  log?.write(`${JSON.stringify({ ...line, n: n++, at: Date.now() })}\n`)
}

function apply(write: Write): void {
  const key = keyOf(write)
  if (write.live) dead.delete(key)
  else dead.add(key)
  versions.set(key, (versions.get(key) ?? 0) + 1)
  const { app, account, facet, live, step, pid } = write
  note({ kind: 'done', app, account, facet, live, step, pid } as TargetLine)
}

/** Carries out a write in some mood; `answer` says it in the words of the interface. */
async function carryOut(
  write: Write,
  response: ServerResponse,
  answer: (was: boolean) => { status: number; body: string },
): Promise<void> {
  const mood: Mood = healed ? { kind: 'well' } : drawMood(random)
  note({ kind: 'asked', ...write, mood: mood.kind } as TargetLine)
  const was = isLive(write)
  const say = (): void => {
    const { status, body } = answer(was)
    response.writeHead(status, JSON_TYPE).end(body)
  }
  switch (mood.kind) {
    case 'well':
      apply(write)
      return say()
    case 'broken':
      if (mood.done) apply(write)
      return void response.writeHead(500, JSON_TYPE).end('{"error":"broken"}')
    case 'throttled':
      return void response.writeHead(429, { ...JSON_TYPE, 'retry-after': '1' }).end('{}')
    case 'reset':
      if (mood.done) apply(write)
      return void response.socket?.resetAndDestroy()
    case 'late':
      setTimeout(() => apply(write), mood.afterMs)
      return void response.socket?.resetAndDestroy()
    case 'lies':
      return say()
    case 'twice':
      apply(write)
      await sleep(random() * 200)
      apply(write)
      return say()
    case 'drips': {
      apply(write)
      response.writeHead(200, JSON_TYPE)
      const timer = setInterval(() => response.write(' '), 200)
      response.once('close', () => clearInterval(timer))
      return
    }
    case 'slow':
      apply(write)
      await sleep(mood.ms)
      return say()
  }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const send = (response: ServerResponse, status: number, body: unknown, headers = {}): void =>
  void response.writeHead(status, { ...JSON_TYPE, ...headers }).end(JSON.stringify(body))

const known = (account: string): boolean => {
  const person = personOf(account)
  return person !== undefined && person < people && accountIdOf(person) === account
}

// --- SCIM: /<app>/scim/v2/Users…; apps whose name ends in "etag" insist on versions

function resourceOf(app: string, account: string) {
  const at = { app, account, facet: 'account' as const }
  const version = `W/"${versions.get(keyOf(at)) ?? 0}"`
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id: account,
    userName: userNameOf(personOf(account) ?? -1),
    active: isLive(at),
    ...(app.endsWith('etag') ? { meta: { version } } : {}),
  }
}

async function scim(app: string, path: string, request: IncomingMessage, response: ServerResponse) {
  const url = new URL(path, 'http://x')
  const account = url.pathname.slice('/scim/v2/Users/'.length)
  if (request.method === 'GET' && account === '') {
    const name = /^userName eq "(.*)"$/.exec(url.searchParams.get('filter') ?? '')?.[1] ?? ''
    const person = personOf(name)
    const found =
      person !== undefined && person < people ? [resourceOf(app, accountIdOf(person))] : []
    return send(response, 200, { totalResults: found.length, startIndex: 1, Resources: found })
  }
  if (!known(account)) return send(response, 404, { status: '404' })
  const resource = resourceOf(app, account)
  const etag = resource.meta?.version
  if (request.method === 'GET') {
    return send(response, 200, resource, etag === undefined ? {} : { etag })
  }
  const { Operations } = JSON.parse(await text(request)) as { Operations: [{ value: boolean }] }
  const match = request.headers['if-match']
  if (match !== undefined && match !== etag) return send(response, 412, { status: '412' })
  const write = {
    app,
    account,
    facet: 'account' as const,
    live: Operations[0].value,
    ...asker(request),
  }
  await carryOut(write, response, () => ({
    status: 200,
    body: JSON.stringify({ ...resource, active: write.live }),
  }))
}

// --- webhook: /<app>/hook

async function hook(app: string, request: IncomingMessage, response: ServerResponse) {
  const { type, data } = JSON.parse(await text(request)) as {
    type: string
    data: { id?: string; userName?: string }
  }
  const account = data.id ?? ''
  const [facet, verb] = type.split('.') as [Facet, string]
  if (verb === 'find') {
    const person = personOf(data.userName ?? '')
    const found = person !== undefined && person < people ? [accountIdOf(person)] : []
    const accounts = found.map((id) => ({ id, userName: data.userName }))
    return send(response, 200, { accounts })
  }
  if (verb === 'verify') {
    const state = !known(account) ? 'absent' : isLive({ app, account, facet }) ? 'live' : 'dead'
    return send(response, 200, { state })
  }
  if (!known(account)) return send(response, 404, {})
  const live = verb === 'restore'
  await carryOut({ app, account, facet, live, ...asker(request) }, response, (was) => ({
    status: 200,
    body: JSON.stringify(
      live || !was
        ? { result: live ? 'done' : 'already' }
        : { result: 'done', undo: { active: true } },
    ),
  }))
}

const asker = ({ headers }: IncomingMessage): { step: string; pid: number } => ({
  step: String(headers[STEP_HEADER] ?? ''),
  pid: Number(headers[PID_HEADER] ?? 0),
})

const isRead = (request: IncomingMessage, path: string): boolean =>
  request.method === 'GET' || (path === '/hook' && request.headers[STEP_HEADER] === undefined)

const server = createServer((request, response) => {
  const [, app = '', rest = ''] = /^\/([^/]+)(\/.*)$/.exec(request.url ?? '') ?? []
  const answer = async (): Promise<void> => {
    if (latencyMs > 0) await sleep(random() * 2 * latencyMs)
    const fault = isRead(request, rest) && !healed ? readFault(random) : 'none'
    if (fault === 'reset') return void response.socket?.resetAndDestroy()
    if (fault === 'broken') return send(response, 500, { error: 'broken' })
    await (rest === '/hook' ? hook(app, request, response) : scim(app, rest, request, response))
  }
  answer().catch((error: unknown) => {
    console.error(error)
    response.destroy()
  })
})
server.keepAliveTimeout = 30_000

process.on('message', (order: TargetsOrder) => {
  switch (order.kind) {
    case 'start':
      people = order.people
      latencyMs = order.latencyMs
      random = createRandom(order.seed)
      log = createWriteStream(order.log)
      server.listen(0, '127.0.0.1', () =>
        process.send?.({ port: (server.address() as AddressInfo).port }),
      )
      return
    case 'heal':
      healed = true
      // What was sent before may still land.
      setTimeout(() => process.send?.('healed'), LATEST_EFFECT_MS)
      return
    case 'flush':
      log?.write('', () => process.send?.('flushed'))
  }
})
process.once('disconnect', () => process.exit(0))
