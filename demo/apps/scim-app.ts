import { createServer } from 'node:http'
import express, { type RequestHandler } from 'express'
import SCIMMY from 'scimmy'
import SCIMMYRouters from 'scimmy-routers'
import { type Account, type AccountBook, createAccountBook, type Seed } from './accounts.ts'
import { listen, runAsProgram, stop } from './program.ts'

/** Bearer tokens of the SCIM interface. The witness may only GET. */
export interface ScimTokens {
  doer: string
  witness: string
}

export interface ScimAppOptions {
  /** Default: a free one. */
  port?: number
  /** Default: SEEDS. */
  accounts?: readonly Seed[]
  tokens?: Partial<ScimTokens>
}

/** A running application. */
export interface ScimApp {
  /** Base URL of its SCIM interface, e.g. `http://127.0.0.1:4001/scim/v2`. */
  url: string
  tokens: ScimTokens
  accounts(): Account[]
  book: AccountBook
  close(): Promise<void>
}

/**
 * A downstream application with a SCIM 2.0 interface that is not ours: scimmy with scimmy-routers, accounts in
 * memory. People use it with `POST /sign-in {userName}` → `{session}` and `GET /me` (bearer session), both
 * refused as soon as the account is disabled.
 */
export async function startScimApp(options: ScimAppOptions = {}): Promise<ScimApp> {
  const tokens = { doer: 'scim-doer', witness: 'scim-witness', ...options.tokens }
  const book = createAccountBook(options.accounts)
  const app = express()
  app.use('/scim/v2', witnessOnlyReads(tokens), numericPaging, scimInterface(tokens, book))
  app.post('/sign-in', express.json(), (req, res) => {
    const session = book.signIn(String(req.body?.userName))
    res.status(session === undefined ? 403 : 200).json({ session })
  })
  app.get('/me', (req, res) => {
    const account = book.whoIs(bearer(req.header('authorization')))
    if (account?.active) res.json({ userName: account.userName })
    else res.status(401).json({ error: 'signed out' })
  })
  const server = createServer(app)
  const origin = await listen(server, options.port)
  return {
    url: `${origin}/scim/v2`,
    tokens,
    accounts: book.all,
    book,
    close: () => stop(server),
  }
}

/** scimmy-routers writes numbers into `req.query`, which is a getter in Express 5; this makes it a plain property. */
const numericPaging: RequestHandler = (req, _res, next) => {
  Object.defineProperty(req, 'query', { value: { ...req.query }, writable: true })
  next()
}

function witnessOnlyReads(tokens: ScimTokens): RequestHandler {
  return (req, res, next) => {
    if (req.method === 'GET' || bearer(req.header('authorization')) !== tokens.witness) next()
    else res.status(403).json(new SCIMMY.Messages.Error({ status: 403, message: 'read only' }))
  }
}

function bearer(header: string | undefined): string {
  return header?.replace(/^Bearer /i, '') ?? ''
}

function scimInterface(tokens: ScimTokens, book: AccountBook): RequestHandler {
  // scimmy's registry is global to the process: the handlers find their accounts in the request's context.
  declareUsers()
  return new SCIMMYRouters({
    type: 'bearer',
    handler: (req) => {
      const token = bearer(req.header('authorization'))
      if (token === tokens.doer) return 'doer'
      if (token === tokens.witness) return 'witness'
      throw new Error('token missing or unknown')
    },
    context: () => book,
    baseUri: (req) => `${req.protocol}://${req.get('host')}`,
  }) as unknown as RequestHandler
}

function declareUsers(): void {
  if (SCIMMY.Resources.declared('User')) return
  SCIMMY.Resources.declare(SCIMMY.Resources.User)
  SCIMMY.Resources.User.egress(async (resource, book: AccountBook) => {
    if (resource.id) return resourceOf(existing(book, resource.id))
    return book
      .all()
      .map(resourceOf)
      .filter((user) => resource.filter === undefined || matches(resource.filter, user))
  })
    .ingress(async (resource, data, book: AccountBook) => {
      const twin = book.byUserName(data.userName)
      if (twin !== undefined && twin.id !== resource.id) {
        throw new SCIMMY.Types.Error(409, 'uniqueness', 'userName is taken')
      }
      const before = resource.id === undefined ? undefined : existing(book, resource.id)
      const email = data.emails?.[0]?.value
      return resourceOf(
        book.put({
          ...before,
          userName: data.userName,
          ...(data.externalId === undefined ? {} : { externalId: data.externalId }),
          ...(email === undefined ? {} : { email }),
          ...(data.displayName === undefined ? {} : { displayName: data.displayName }),
          active: data.active ?? true,
        }),
      )
    })
    .degress(async (resource, book: AccountBook) => {
      book.remove(existing(book, resource.id ?? '').id)
    })
}

function existing(book: AccountBook, id: string): Account {
  const account = book.byId(id)
  if (account === undefined) throw new SCIMMY.Types.Error(404, '', `no user ${id}`)
  return account
}

function resourceOf(account: Account) {
  return {
    id: account.id,
    userName: account.userName,
    ...(account.externalId === undefined ? {} : { externalId: account.externalId }),
    displayName: account.displayName,
    emails: [{ value: account.email, type: 'work', primary: true }],
    active: account.active,
  }
}

/** scimmy compares case exactly; userName is not case exact (RFC 7643 §4.1.1). */
function matches(filter: InstanceType<typeof SCIMMY.Types.Filter>, user: object): boolean {
  const [only] = [...filter] as Record<string, unknown>[]
  const userName = only?.['userName']
  if (filter.length === 1 && Array.isArray(userName) && userName[0] === 'eq') {
    const { userName: own } = user as { userName: string }
    return own.toLowerCase() === String(userName[1]).toLowerCase()
  }
  return filter.match([user]).length > 0
}

await runAsProgram(import.meta.url, startScimApp)
