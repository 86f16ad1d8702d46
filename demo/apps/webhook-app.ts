import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { Webhook, WebhookVerificationError } from 'standardwebhooks'
import { type Account, type AccountBook, createAccountBook, type Seed } from './accounts.ts'
import { listen, runAsProgram, stop } from './program.ts'

export interface WebhookSecrets {
  /** Signs everything. */
  doer: string
  /** Signs `account.find`, `account.list` and `….verify` only. */
  witness: string
}

export interface WebhookAppOptions {
  /** Default: a free one. */
  port?: number
  /** Default: SEEDS. */
  accounts?: readonly Seed[]
  secrets?: Partial<WebhookSecrets>
}

export interface WebhookApp {
  /** Where the signed requests go. */
  url: string
  /** Where people use the application: `POST /sign-in`, `GET /me`. */
  origin: string
  secrets: WebhookSecrets
  accounts(): Account[]
  book: AccountBook
  close(): Promise<void>
}

/** The body of a signed request, as the webhook connector documents it. */
interface Order {
  type: string
  data: {
    id?: string
    userName?: string
    externalId?: string
    emails?: string[]
    cursor?: string
  }
}

/**
 * An application with an interface of its own instead of SCIM: it takes Standard Webhooks signed requests,
 * disables accounts, ends sessions, and says afterwards what it sees. Disabling alone leaves sessions open. Every
 * order may come twice and means the same twice, so message ids need not be remembered.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks
 */
export async function startWebhookApp(options: WebhookAppOptions = {}): Promise<WebhookApp> {
  const secrets = {
    doer: `whsec_${Buffer.from('the demo secret of the doer').toString('base64')}`,
    witness: `whsec_${Buffer.from('the demo secret of the witness').toString('base64')}`,
    ...options.secrets,
  }
  const book = createAccountBook(options.accounts)

  const hook = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await text(req)
    const signer = signedBy(secrets, body, req)
    if (signer === undefined) return json(res, 401, { error: 'bad signature' })
    const order = JSON.parse(body) as Order
    if (signer === 'witness' && !READS.has(order.type)) {
      return json(res, 403, { error: 'the witness may only look' })
    }
    const [status, answer] = carryOut(book, order)
    json(res, status, answer)
  }

  const people = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.method === 'POST' && req.url === '/sign-in') {
      const { userName } = JSON.parse(await text(req)) as { userName?: string }
      const session = book.signIn(String(userName))
      return json(res, session === undefined ? 403 : 200, { session })
    }
    const account = book.whoIs(req.headers.authorization?.replace(/^Bearer /i, '') ?? '')
    if (req.url !== '/me' || account === undefined) return json(res, 401, { error: 'signed out' })
    json(res, 200, { userName: account.userName })
  }

  const server = createServer((req, res) => {
    const route = req.method === 'POST' && req.url === '/hooks/access' ? hook : people
    route(req, res).catch((error: unknown) => json(res, 400, { error: String(error) }))
  })
  const origin = await listen(server, options.port)
  return {
    url: `${origin}/hooks/access`,
    origin,
    secrets,
    accounts: book.all,
    book,
    close: () => stop(server),
  }
}

const READS = new Set(['account.find', 'account.list', 'account.verify', 'session.verify'])

function signedBy(
  secrets: WebhookSecrets,
  body: string,
  req: IncomingMessage,
): keyof WebhookSecrets | undefined {
  for (const who of ['doer', 'witness'] as const) {
    try {
      new Webhook(secrets[who]).verify(body, req.headers as Record<string, string>)
      return who
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error
    }
  }
  return undefined
}

function carryOut(book: AccountBook, { type, data }: Order): [status: number, answer: object] {
  if (type === 'account.find') {
    const found = book.all().filter((a) => isAbout(a, data))
    return [200, { accounts: found.map(shown) }]
  }
  if (type === 'account.list') return [200, page(book.all(), Number(data.cursor ?? 0))]
  const account = book.byId(data.id ?? '')
  if (account === undefined) {
    return type.endsWith('.verify')
      ? [200, { state: 'absent' }]
      : [404, { error: 'no such account' }]
  }
  switch (type) {
    case 'account.revoke': {
      if (!account.active) return [200, { result: 'already' }]
      account.active = false
      return [200, { result: 'done', undo: { active: true } }]
    }
    case 'account.restore':
      account.active = true
      return [200, { result: 'done' }]
    case 'account.verify':
      return [200, { state: account.active ? 'live' : 'dead' }]
    case 'session.revoke':
      return [200, { result: book.endSessions(account.id) > 0 ? 'done' : 'already' }]
    case 'session.verify':
      return [200, { state: book.sessionCount(account.id) > 0 ? 'live' : 'dead' }]
    default:
      return [422, { error: `unknown type ${type}` }]
  }
}

function isAbout(account: Account, { userName, externalId, emails = [] }: Order['data']): boolean {
  const same = (a: string | undefined, b: string | undefined): boolean =>
    a !== undefined && a.toLowerCase() === b?.toLowerCase()
  return (
    same(userName, account.userName) ||
    same(externalId, account.externalId) ||
    emails.some((email) => same(email, account.email))
  )
}

function page(accounts: readonly Account[], from: number): object {
  const size = 100
  const more = from + size < accounts.length
  return {
    accounts: accounts.slice(from, from + size).map(shown),
    ...(more ? { next: String(from + size) } : {}),
  }
}

function shown({ id, userName, externalId, email, active }: Account): object {
  return { id, userName, externalId, emails: [email], active }
}

function json(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

await runAsProgram(import.meta.url, startWebhookApp)
