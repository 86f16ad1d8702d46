import { createHash, timingSafeEqual } from 'node:crypto'
import {
  type CallContext,
  ConnectorError,
  type Mailbox,
  type Visit,
  type VisitAnswer,
} from '#connector-sdk'
import type { EventStream, SsfConfig } from './config.ts'
import { poll } from './poll.ts'
import { verificationClaims } from './security-event.ts'
import { publicKeys, signer } from './sign.ts'
import {
  POLL,
  readSettings,
  STREAM_ID,
  type StreamSettings,
  streamOf,
  updated,
  VERIFICATION_INTERVAL_S,
} from './stream-settings.ts'

type Call = CallContext<SsfConfig>

/** What is needed to answer the receiver of one stream. */
interface Asked {
  visit: Visit
  call: Call
  stream: EventStream
  mailbox: Mailbox
  settings: StreamSettings
  /** @throws SavedMeanwhile when another request saved since `settings` were read */
  save(settings: StreamSettings): Promise<void>
}

/** The answer must be found anew, from what another request has set. */
class SavedMeanwhile extends Error {}

/** How often a request that changes the stream is tried. */
const TRIES = 5

/**
 * The transmitter's half of an event stream, at the app's address: metadata and keys for everybody; configuration,
 * status, verification and polling for who has the stream's token.
 *
 * @see https://openid.net/specs/openid-sharedsignals-framework-1_0-final.html#section-7
 */
export async function serveStream(visit: Visit, call: Call): Promise<VisitAnswer> {
  const { mailbox, config, secrets } = call
  const stream = config.poll
  if (stream === undefined || mailbox === undefined) return status(404)
  if (visit.method === 'GET' && visit.path === '/.well-known/ssf-configuration') {
    return json(200, metadata(call))
  }
  if (visit.method === 'GET' && visit.path === '/jwks.json') {
    return json(200, publicKeys(config, secrets['signingKey']))
  }
  if (!isReceiver(visit, secrets['streamToken'])) {
    return { status: 401, headers: { 'www-authenticate': 'Bearer' } }
  }
  for (let tried = 0; tried < TRIES; tried += 1) {
    const { settings, version } = await readSettings(mailbox)
    const save = async (after: StreamSettings): Promise<void> => {
      if (!(await mailbox.saveSettings(after, version))) throw new SavedMeanwhile()
    }
    try {
      return await answerReceiver({ visit, call, stream, mailbox, settings, save })
    } catch (error) {
      if (!(error instanceof SavedMeanwhile)) throw error
    }
  }
  throw new ConnectorError('transient', 'the settings of this stream change all the time')
}

async function answerReceiver(asked: Asked): Promise<VisitAnswer> {
  const { visit, call, mailbox, settings } = asked
  switch (`${visit.method} ${visit.path}`) {
    case 'GET /stream':
      return readStream(asked)
    case 'POST /stream':
      return createStream(asked)
    case 'PATCH /stream':
      return changeStream(asked, false)
    case 'PUT /stream':
      return changeStream(asked, true)
    case 'DELETE /stream':
      return ofStream(asked, visit.query['stream_id'], async () => {
        await asked.save({ ...settings, deleted: true, status: 'disabled' })
        return status(204)
      })
    case 'GET /status':
      return ofStream(asked, visit.query['stream_id'], () => json(200, statusOf(settings)))
    case 'POST /status':
      return changeStatus(asked)
    case 'POST /verify':
      return verify(asked)
    case 'POST /poll':
      return poll(visit, call, mailbox, settings)
    default:
      return status(404)
  }
}

/** SSF 1.0 §7.1 */
function metadata({ config, address = '' }: Call): object {
  return {
    spec_version: '1_0',
    issuer: config.issuer,
    jwks_uri: `${address}/jwks.json`,
    delivery_methods_supported: [POLL],
    configuration_endpoint: `${address}/stream`,
    status_endpoint: `${address}/status`,
    verification_endpoint: `${address}/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
    // Who is registered here is told of everybody in its scope: nobody needs to be added.
    default_subjects: 'ALL',
  }
}

async function readStream(asked: Asked): Promise<VisitAnswer> {
  const { visit, call, stream, settings } = asked
  const id = visit.query['stream_id']
  const seen = streamOf(call, stream, settings)
  if (id === undefined) return json(200, settings.deleted ? [] : [seen])
  return ofStream(asked, id, () => json(200, seen))
}

async function createStream({ visit, call, stream, settings, save }: Asked): Promise<VisitAnswer> {
  // §8.1.1.1: 409 where one receiver has one stream, and has it.
  if (!settings.deleted) return status(409)
  const after = updated(settings, parsed(visit), { replaces: true })
  if (after === undefined) return status(400)
  const { reason: _, ...rest } = after
  const anew: StreamSettings = { ...rest, deleted: false, status: 'enabled' }
  await save(anew)
  return json(201, streamOf(call, stream, anew))
}

async function changeStream(asked: Asked, replaces: boolean): Promise<VisitAnswer> {
  const { visit, call, stream, settings, save } = asked
  const body = parsed(visit)
  return ofStream(asked, idIn(body), async () => {
    const after = updated(settings, body, { replaces })
    if (after === undefined) return status(400)
    await save(after)
    return json(200, streamOf(call, stream, after))
  })
}

/** §8.1.2 */
const statusOf = ({ status: now, reason }: StreamSettings): object => ({
  stream_id: STREAM_ID,
  status: now,
  ...(reason === undefined ? {} : { reason }),
})

async function changeStatus(asked: Asked): Promise<VisitAnswer> {
  const { visit, settings, save } = asked
  const body = parsed(visit)
  return ofStream(asked, idIn(body), async () => {
    const { status: wanted, reason } = body as { status?: unknown; reason?: unknown }
    if (wanted !== 'enabled' && wanted !== 'paused' && wanted !== 'disabled') return status(400)
    const { reason: _, ...rest } = settings
    const after: StreamSettings = {
      ...rest,
      status: wanted,
      ...(typeof reason === 'string' ? { reason } : {}),
    }
    await save(after)
    return json(200, statusOf(after))
  })
}

/** §8.1.4: an event that says nothing but that the stream works. */
async function verify(asked: Asked): Promise<VisitAnswer> {
  const { visit, call, stream, mailbox, settings, save } = asked
  const body = parsed(visit)
  return ofStream(asked, idIn(body), async () => {
    const { state } = body as { state?: unknown }
    if (state !== undefined && (typeof state !== 'string' || state.length > 1_000))
      return status(400)
    const now = call.now()
    const waitMs = settings.verifiedAt + VERIFICATION_INTERVAL_S * 1_000 - now
    if (waitMs > 0) {
      return { status: 429, headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) } }
    }
    await save({ ...settings, verifiedAt: now })
    const about = { streamId: STREAM_ID, state, id: call.idempotencyKey, now }
    const claims = verificationClaims(call.config, stream, about)
    const { event } = signer(call.config, call.secrets['signingKey'])
    await mailbox.put({ id: claims.jti, body: await event(claims) })
    return status(204)
  })
}

async function ofStream(
  { settings }: Asked,
  id: unknown,
  answer: () => VisitAnswer | Promise<VisitAnswer>,
): Promise<VisitAnswer> {
  if (typeof id !== 'string') return status(400)
  return id !== STREAM_ID || settings.deleted ? status(404) : answer()
}

const idIn = (body: unknown): unknown => (body as { stream_id?: unknown } | undefined)?.stream_id

/** Compared in constant time. @throws ConnectorError credential when this app has no such token: then nobody may ask */
function isReceiver({ headers }: Visit, token: string | undefined): boolean {
  if (token === undefined) throw new ConnectorError('credential', 'streamToken is missing')
  const given = /^Bearer (.+)$/i.exec(headers['authorization'] ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(token))
}

/** @returns undefined when it is no JSON */
export function parsed({ body }: Visit): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // The caller answers 400: nothing in it can be what is asked for.
    return undefined
  }
}

const status = (code: number): VisitAnswer => ({ status: code })

export function json(code: number, body: object): VisitAnswer {
  return {
    status: code,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}
