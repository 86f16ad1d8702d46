import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CryptoKey, decodeProtectedHeader, errors, jwtVerify } from 'jose'

/** A receiver of events and of revocation requests that believes nothing it has not checked. */
export interface Receiver {
  origin: string
  /** By e-mail address. */
  people: Map<string, { enabled: boolean; sessions: number; grants: number; password: boolean }>
  /** Claims of the events that were taken, each once. */
  taken: Record<string, unknown>[]
  /** The address by which assertions must name it. */
  revocationAudience: string
  close(): Promise<void>
}

interface ReceiverOptions {
  publicKey: CryptoKey
  issuer: string
  audience: string
  token: string
  gtrToken: string
  emails: readonly string[]
}

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

/** Push delivery of RFC 8935 at `/events`, global token revocation at `/revoke`. */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const people: Receiver['people'] = new Map(
    options.emails.map((email) => [
      email,
      { enabled: true, sessions: 2, grants: 1, password: true },
    ]),
  )
  const taken: Receiver['taken'] = []
  const seen = new Set<string>()

  const refuse = (response: ServerResponse, err: string): void => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ err, description: 'refused' }))
  }
  const personOf = (subject: unknown) => {
    const { format, email, sub } = subject as Record<string, string>
    return people.get((format === 'email' ? email : sub) ?? '')
  }

  async function takeEvent(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    if (request.headers.authorization !== `Bearer ${options.token}`) {
      return void response.writeHead(401).end()
    }
    if (request.headers['content-type'] !== 'application/secevent+jwt') {
      return refuse(response, 'invalid_request')
    }
    let claims: Record<string, unknown>
    try {
      const { issuer, audience } = options
      const verified = await jwtVerify(body, options.publicKey, {
        issuer,
        audience,
        typ: 'secevent+jwt',
      })
      if (decodeProtectedHeader(body).kid !== 'k1') return refuse(response, 'invalid_key')
      claims = verified.payload
    } catch (error) {
      const claim = error instanceof errors.JWTClaimValidationFailed ? error.claim : ''
      const names: Record<string, string> = { iss: 'invalid_issuer', aud: 'invalid_audience' }
      return refuse(response, names[claim] ?? 'invalid_key')
    }
    const events = Object.entries(claims['events'] as Record<string, Record<string, unknown>>)
    // SSF 1.0 §4.1: one event, no sub, no exp.
    if (events.length !== 1 || 'sub' in claims || 'exp' in claims) {
      return refuse(response, 'invalid_request')
    }
    const jti = String(claims['jti'])
    if (!seen.has(jti)) {
      seen.add(jti)
      taken.push(claims)
      const person = personOf(claims['sub_id'])
      const [[type, event] = ['', {}]] = events
      if (person !== undefined) {
        if (type === `${CAEP}session-revoked`) person.sessions = 0
        if (type === `${CAEP}credential-change` && event['change_type'] === 'revoke') {
          person.password = false
        }
        if (type === `${RISC}account-disabled`) person.enabled = false
        if (type === `${RISC}account-enabled`) person.enabled = true
      }
    }
    response.writeHead(202).end()
  }

  async function takeRevocation(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { sub_id: subject } = JSON.parse(await text(request)) as { sub_id?: unknown }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const isKnown =
      token === options.gtrToken ||
      (await jwtVerify(token, options.publicKey, {
        issuer: options.issuer,
        subject: options.issuer,
        audience: receiver.revocationAudience,
        typ: 'global-token-revocation+jwt',
        maxTokenAge: 600,
      }).then(
        () => true,
        () => false,
      ))
    if (!isKnown) return void response.writeHead(401).end()
    if (subject === undefined) return void response.writeHead(400).end()
    const person = personOf(subject)
    if (person === undefined) return void response.writeHead(404).end()
    person.grants = 0
    person.sessions = 0
    response.writeHead(204).end()
  }

  const server = createServer((request, response) => {
    const take = request.url === '/events' ? takeEvent : takeRevocation
    take(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const receiver: Receiver = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    revocationAudience: '',
    people,
    taken,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return receiver
}
