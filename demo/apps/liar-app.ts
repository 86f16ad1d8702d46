import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Account, type AccountBook, createAccountBook, type Seed } from './accounts.ts'
import { listen, runAsProgram, stop } from './program.ts'

export interface LiarAppOptions {
  /** Default: a free one. */
  port?: number
  /** Default: SEEDS. */
  accounts?: readonly Seed[]
  /** Bearer token of its SCIM interface, default `liar-token`. */
  token?: string
}

export interface LiarApp {
  /** Base URL of its SCIM interface. */
  url: string
  token: string
  accounts(): Account[]
  book: AccountBook
  /** PATCH and PUT requests answered so far. */
  writes(): number
  /** From now on it does what it says, as after a bug fix. */
  repent(): void
  close(): Promise<void>
}

/**
 * An application whose SCIM interface answers a PATCH with 200 and the changed resource, and changes nothing:
 * the next GET still says `active: true`. `POST /repent` (no body) mends it.
 */
export async function startLiarApp(options: LiarAppOptions = {}): Promise<LiarApp> {
  const token = options.token ?? 'liar-token'
  const book = createAccountBook(options.accounts)
  let honest = false
  let writes = 0
  const repent = (): void => {
    honest = true
  }

  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? '/', 'http://liar')
    if (req.method === 'POST' && url.pathname === '/repent') {
      repent()
      return void res.writeHead(204).end()
    }
    if (req.headers.authorization !== `Bearer ${token}`) return scimError(res, 401, 'who are you?')
    const id = /^\/scim\/v2\/Users\/([^/]+)$/.exec(url.pathname)?.[1]
    if (id === undefined) {
      if (url.pathname !== '/scim/v2/Users') return scimError(res, 404, 'no such endpoint')
      return json(res, 200, listResponse(book, url.searchParams.get('filter')))
    }
    const account = book.byId(decodeURIComponent(id))
    if (account === undefined) return scimError(res, 404, 'no such user')
    if (req.method === 'GET') return json(res, 200, resourceOf(account))
    if (req.method !== 'PATCH' && req.method !== 'PUT') return scimError(res, 501, 'not here')
    writes += 1
    const active = wantedActive(JSON.parse(await text(req))) ?? account.active
    if (honest) account.active = active
    return json(res, 200, resourceOf({ ...account, active }))
  }

  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => scimError(res, 400, String(error)))
  })
  const origin = await listen(server, options.port)
  return {
    url: `${origin}/scim/v2`,
    token,
    accounts: book.all,
    book,
    writes: () => writes,
    repent,
    close: () => stop(server),
  }
}

/** The `active` that a PatchOp (with path or without) or a whole resource asks for. */
function wantedActive(body: unknown): boolean | undefined {
  const request = body as {
    active?: boolean
    Operations?: { path?: string; value?: unknown }[]
  }
  for (const { path, value } of request.Operations ?? []) {
    const wanted = path === 'active' ? value : (value as { active?: unknown })?.active
    if (wanted !== undefined) return String(wanted).toLowerCase() === 'true'
  }
  return request.active
}

function listResponse(book: AccountBook, filter: string | null): object {
  const wanted =
    filter === null ? null : /^(userName|externalId|emails(?:\.value)?) eq (".*")$/.exec(filter)
  const key = wanted?.[1]?.startsWith('emails') ? 'email' : (wanted?.[1] as keyof Account)
  const found = book.all().filter((account) => {
    if (filter === null) return true
    if (wanted === null) return false
    return (
      String(account[key]).toLowerCase() === String(JSON.parse(wanted[2] ?? '""')).toLowerCase()
    )
  })
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: found.length,
    startIndex: 1,
    itemsPerPage: found.length,
    Resources: found.map(resourceOf),
  }
}

function resourceOf(account: Account): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id: account.id,
    userName: account.userName,
    externalId: account.externalId,
    displayName: account.displayName,
    emails: [{ value: account.email, type: 'work', primary: true }],
    active: account.active,
  }
}

function json(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/scim+json' }).end(JSON.stringify(body))
}

function scimError(res: ServerResponse, status: number, detail: string): void {
  json(res, status, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    detail,
  })
}

await runAsProgram(import.meta.url, startLiarApp)
