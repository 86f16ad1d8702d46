import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  defineConnector,
  type Facet,
  type FacetSpec,
  type Handle,
  type HttpRequest,
  type HttpResponse,
  isLostAnswer,
  nothingToPutBack,
  preview,
  type ReadingOptions,
  type Subject,
} from '#connector-sdk'
import { type EVENTS, type EventName, type SsfConfig, ssfConfig, TYPE_OF } from './config.ts'
import { checkBegun, checkDelivered, pushRequest, revocationRequest } from './delivery.ts'
import { eventClaims, subjectId } from './security-event.ts'
import { signer } from './sign.ts'
import { eventTypes, readSettings } from './stream-settings.ts'
import { serveStream } from './transmitter.ts'

type Call = CallContext<SsfConfig>

/** A receiver is told, never asked. */
const told = {
  enumerate: 'none',
  revoke: 'api',
  observe: 'none',
  settleMs: 0,
  residualMs: 0,
} as const

const account: FacetSpec = {
  facet: 'account',
  ...told,
  reversible: true,
  before: ['local_login', 'session', 'oauth_grant'],
}
const localLogin: FacetSpec = {
  facet: 'local_login',
  ...told,
  reversible: false,
  before: ['session', 'oauth_grant'],
}
const session: FacetSpec = { facet: 'session', ...told, reversible: false }
const oauthGrant: FacetSpec = { facet: 'oauth_grant', ...told, reversible: false }

/** Receivers of OpenID Shared Signals (CAEP and RISC events), and global token revocation endpoints. */
export default defineConnector<SsfConfig>({
  manifest: {
    id: 'ssf',
    version: '1.0.0',
    title: 'Shared Signals',
    configSchema: ssfConfig,
    secrets: {
      signingKey: { title: 'Private key that signs: PKCS #8 (PEM) or JWK', required: false },
      token: { title: 'Bearer token for the receiver of events', required: false },
      streamToken: {
        title: 'Bearer token with which the receiver fetches events',
        required: false,
        minLength: 32,
      },
      gtrToken: { title: 'Bearer token for global token revocation', required: false },
    },
    facets: [account, localLogin, session, oauthGrant],
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: (config) =>
    [account, localLogin, session, oauthGrant].filter(
      ({ facet }) => orderFor(facet, config) !== undefined,
    ),

  test: async (call) => {
    const { config } = call
    const covered = [account, localLogin, session, oauthGrant].flatMap(({ facet }) => {
      const order = orderFor(facet, config)
      return order === undefined ? [] : [{ facet, order }]
    })
    return Promise.all(
      covered.map(({ facet, order }) =>
        check(`${facet}.revoke`, async () => {
          if (order.kind === 'event' && config.poll !== undefined) {
            await signed(order.event, 'quittance-check', call)
            return pollState(call)
          }
          await request(order, 'quittance-check', call)
          return 'the credential is complete; not sent: a test tells the receiver nothing'
        }),
      ),
    )
  },

  // Nobody can be asked, so the person is named as the identity provider named them.
  correlate: async (subject, call) =>
    namesOf(subject, call.config.subject).map((name) => ({
      handle: { facet: 'account', id: name },
      strength: 'exact',
      matchedOn: call.config.subject.from,
      evidence: {
        method: 'NONE',
        target: 'taken as given',
        at: call.now(),
        body: 'receivers of events cannot be asked',
      },
    })),

  list: async () => {
    throw new ConnectorError('unsupported', 'receivers of events cannot be asked')
  },

  revoke: async (handle, call) => {
    const order = orderFor(handle.facet, call.config)
    if (order === undefined) {
      throw new ConnectorError('unsupported', `this receiver is not told about ${handle.facet}`)
    }
    const ack = await carryOut(order, handle, call)
    return handle.facet === 'account' ? { ...ack, undo: { event: 'account-disabled' } } : ack
  },

  restore: async (handle, undo, call) => {
    const wasDisabled = isLostAnswer(undo) || undo['event'] === 'account-disabled'
    if (handle.facet !== 'account' || !wasDisabled) throw nothingToPutBack()
    return carryOut({ kind: 'event', event: 'account-enabled' }, handle, call)
  },

  serve: serveStream,

  observe: async () => {
    throw new ConnectorError('unsupported', 'receivers of events cannot be asked')
  },
})

type Order = { kind: 'event'; event: EventName } | { kind: 'gtr' }

const EVENT_OF: Partial<Record<Facet, (typeof EVENTS)[number]>> = {
  account: 'account-disabled',
  local_login: 'credential-change',
  session: 'session-revoked',
}

/** How it stands with the receiver that fetches. @throws ConnectorError */
async function pollState({ mailbox, secrets }: Call): Promise<string> {
  if (secrets['streamToken'] === undefined) {
    throw new ConnectorError('credential', 'streamToken is missing')
  }
  if (mailbox === undefined) throw noMailbox()
  const { settings } = await readSettings(mailbox)
  const { waiting, refused } = await mailbox.counts()
  return `the stream is ${settings.status}; ${waiting} event(s) wait, ${refused} were refused by the receiver`
}

/** What ends this kind of access here, if anything does. */
function orderFor(facet: Facet, { push, poll, gtr }: SsfConfig): Order | undefined {
  if (gtr?.ends === facet) return { kind: 'gtr' }
  const event = EVENT_OF[facet]
  const isTold = event !== undefined && (push ?? poll)?.events.includes(event)
  return isTold ? { kind: 'event', event } : undefined
}

/** Several addresses are several people as far as a receiver can tell: the hub lets a person decide. */
function namesOf(subject: Subject, { format, from }: SsfConfig['subject']): string[] {
  const { userName, externalId, emails } = subject
  const names = { userName: [userName], externalId: externalId ? [externalId] : [], emails }[from]
  if (names.length === 0) throw new ConnectorError('invalid', `the person has no ${from}`)
  if (format === 'email' && !names.every((name) => name.includes('@'))) {
    throw new ConnectorError('invalid', `${from} is no e-mail address`)
  }
  return [...new Set(names)]
}

async function carryOut(order: Order, handle: Handle, call: Call): Promise<Ack> {
  if (order.kind === 'event' && call.config.poll !== undefined) {
    return leave(order.event, handle.id, call)
  }
  const asked = await request(order, handle.id, call)
  if (call.dryRun) {
    const { host, pathname } = new URL(asked.url)
    return preview(call, { method: asked.method, target: `${host}${pathname}` })
  }
  const response = await call.http.send(asked)
  const options: ReadingOptions = { what: describe(order), isRead: false, now: call.now() }
  if (order.kind === 'gtr') checkBegun(response, options)
  else checkDelivered(response, options)
  // Received, not acted upon: no more than that is ever known.
  return { kind: 'accepted', evidence: withMessage(response, asked) }
}

/** Leaves the event for the receiver to fetch. Handed over or not: nothing is known of what the receiver does. */
async function leave(event: EventName, name: string, call: Call): Promise<Ack> {
  const { id, set } = await signed(event, name, call)
  const target = 'events that wait for the receiver'
  if (call.dryRun) return preview(call, { method: 'PUT', target })
  const { mailbox, config } = call
  if (mailbox === undefined || config.poll === undefined) throw noMailbox()
  const { settings } = await readSettings(mailbox)
  if (settings.status === 'disabled') {
    throw new ConnectorError('invalid', 'the receiver has switched its stream off')
  }
  if (!eventTypes(config.poll, settings).delivered.includes(TYPE_OF[event])) {
    throw new ConnectorError('unsupported', `the receiver does not want to hear of ${event}`)
  }
  await mailbox.put({ id, body: set })
  const body = JSON.stringify({ sent: set })
  return { kind: 'accepted', evidence: { method: 'PUT', target, at: call.now(), body } }
}

function noMailbox(): ConnectorError {
  return new ConnectorError('unsupported', 'this process keeps no messages')
}

async function signed(
  event: EventName,
  name: string,
  { config, secrets, idempotencyKey: id, now }: Call,
): Promise<{ id: string; set: string }> {
  const stream = config.push ?? config.poll
  if (stream === undefined) throw new ConnectorError('unsupported', 'no receiver of events')
  const { event: sign } = signer(config, secrets['signingKey'])
  const claims = eventClaims(config, stream, event, { name, id, now: now() })
  return { id: claims.jti, set: await sign(claims) }
}

const describe = (order: Order): string =>
  order.kind === 'gtr' ? 'revoke all tokens' : `deliver ${order.event}`

async function request(order: Order, name: string, call: Call): Promise<HttpRequest> {
  const { config, secrets } = call
  const now = call.now()
  const id = call.idempotencyKey
  if (order.kind === 'event') {
    if (config.push === undefined) throw new ConnectorError('unsupported', 'no receiver of pushes')
    const { set } = await signed(order.event, name, call)
    return pushRequest(config.push.endpoint, set, secrets['token'])
  }
  const { gtr } = config
  if (gtr === undefined) throw new ConnectorError('unsupported', 'no revocation endpoint')
  const token =
    gtr.auth === 'bearer'
      ? secrets['gtrToken']
      : await signer(config, secrets['signingKey']).assertion(gtr.endpoint, id, now)
  if (token === undefined) throw new ConnectorError('credential', 'gtrToken is missing')
  call.http.hide(token)
  return revocationRequest(gtr, subjectId(config.subject, name), token)
}

/** The signed statement belongs to its acknowledgement: an auditor can check both. */
function withMessage({ evidence }: HttpResponse, { body }: HttpRequest): Ack['evidence'] {
  return { ...evidence, body: JSON.stringify({ sent: body, answer: evidence.body }) }
}
