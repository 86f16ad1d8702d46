import { z } from 'zod'
import type { CallContext, Mailbox } from '#connector-sdk'
import { type EventStream, type SsfConfig, TYPE_OF } from './config.ts'

/**
 * What the receiver set about its stream. There is one stream per app, from the registration on.
 *
 * @see https://openid.net/specs/openid-sharedsignals-framework-1_0-final.html#section-8.1
 */
const streamSettings = z.object({
  /** `paused`: events wait. `disabled`: none are kept. */
  status: z.enum(['enabled', 'paused', 'disabled']).default('enabled'),
  reason: z.string().optional(),
  /** Event types; absent: all that are offered. */
  eventsRequested: z.array(z.string()).optional(),
  description: z.string().optional(),
  /** The receiver deleted its stream; it may make it anew. */
  deleted: z.boolean().default(false),
  /** ms since the epoch of the last verification asked for. */
  verifiedAt: z.number().default(0),
})

export type StreamSettings = z.output<typeof streamSettings>

/** @returns with the version that a change of them names */
export async function readSettings(
  mailbox: Mailbox,
): Promise<{ settings: StreamSettings; version: number }> {
  const { value, version } = await mailbox.settings()
  return { settings: streamSettings.parse(value ?? {}), version }
}

/** What a receiver may ask to be set, RFC-style: other members are the transmitter's. */
const update = z.object({
  stream_id: z.string().optional(),
  events_requested: z.array(z.string().max(500)).max(100).optional(),
  description: z.string().max(1_000).optional(),
  delivery: z.object({ method: z.string() }).optional(),
})

export const POLL = 'urn:ietf:rfc:8936'

/** The settings after an update. @param replaces PUT and POST: what is not named is unset @returns undefined when it is no update */
export function updated(
  before: StreamSettings,
  body: unknown,
  { replaces }: { replaces: boolean },
): StreamSettings | undefined {
  const parsed = update.safeParse(body)
  if (!parsed.success) return undefined
  const { events_requested: events, description, delivery } = parsed.data
  if (delivery !== undefined && delivery.method !== POLL) return undefined
  const { eventsRequested: _, description: __, ...rest } = before
  return {
    ...(replaces ? rest : before),
    ...(events === undefined ? {} : { eventsRequested: events }),
    ...(description === undefined ? {} : { description }),
  }
}

/** Event types that this stream carries, and those of them that the receiver wants. */
export function eventTypes(
  stream: EventStream,
  { eventsRequested }: StreamSettings,
): { supported: string[]; delivered: string[] } {
  const supported = stream.events.flatMap((event) =>
    // Who is told that an account is disabled is told as well that it is enabled again.
    event === 'account-disabled' ? [TYPE_OF[event], TYPE_OF['account-enabled']] : [TYPE_OF[event]],
  )
  const delivered = supported.filter((type) => eventsRequested?.includes(type) ?? true)
  return { supported, delivered }
}

/** The stream as its receiver sees it. SSF 1.0 §8.1.1 */
export function streamOf(
  { config, address = '' }: Pick<CallContext<SsfConfig>, 'config' | 'address'>,
  stream: EventStream,
  settings: StreamSettings,
): object {
  const { supported, delivered } = eventTypes(stream, settings)
  const { eventsRequested, description } = settings
  return {
    stream_id: STREAM_ID,
    iss: config.issuer,
    aud: stream.audience,
    events_supported: supported,
    ...(eventsRequested === undefined ? {} : { events_requested: eventsRequested }),
    events_delivered: delivered,
    delivery: { method: POLL, endpoint_url: `${address}/poll` },
    min_verification_interval: VERIFICATION_INTERVAL_S,
    ...(description === undefined ? {} : { description }),
  }
}

/** One stream per app: the app's address says which. */
export const STREAM_ID = 'events'
export const VERIFICATION_INTERVAL_S = 10
