import { z } from 'zod'
import type { HeartbeatStore } from '../auth/heartbeat-store.ts'
import { SOURCE_DIALECTS, type SourceRecord } from '../auth/source-authenticator.ts'
import type { SourceStore } from '../auth/source-store.ts'
import { type Clock, MINUTE } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { ADMINS, READERS } from './access.ts'
import { wordOf } from './acts.ts'
import {
  etagOf,
  instantField,
  instants,
  nameField,
  pageOf,
  present,
  sourceIdField,
  stale,
  versionOf,
} from './fields.ts'
import { registryPage, registryQuery } from './registry-page.ts'
import { defineRoute, type Route } from './route.ts'
import { sourceCredentialRoutes } from './sources-credentials.ts'
import { heartbeatAnswer, showHeartbeat } from './sources-heartbeat.ts'
import { issuerAnswer, showIssuer, sourceIssuerRoutes } from './sources-issuers.ts'
import { expiryField, networksField, secretAnswer, showSecret, sourceKeys } from './sources-keys.ts'

export interface SourcesParts {
  sources: SourceStore
  heartbeats: Pick<HeartbeatStore, 'heartbeat'>
  /** Makes a deleted token refused at once in this process. */
  authenticator: { invalidate(sourceId: string): void }
  /** Base of the SCIM addresses, without a slash at its end. */
  publicUrl: string
  clock: Clock
}

const dialect = z.enum(SOURCE_DIALECTS).meta({
  description:
    'How the provider speaks; `generic-strict` is forgiven nothing that RFC 7644 forbids',
})

const sourceAnswer = z.object({
  id: z.string(),
  name: z.string(),
  dialect,
  scimBaseUrl: z.string(),
  createdAt: instantField,
  lastSeenAt: instantField.optional().meta({ description: 'Last authenticated request' }),
  tokens: z.array(secretAnswer),
  clientSecrets: z.array(secretAnswer),
  issuers: z.array(issuerAnswer),
  allowedNetworks: z.array(z.string()).meta({ description: 'Empty: it may call from everywhere' }),
  silentAfterMinutes: z.int().optional().meta({ description: 'Absent: learned' }),
})

const oneSourceAnswer = z.object({
  ...sourceAnswer.shape,
  heartbeat: heartbeatAnswer.optional().meta({ description: 'Absent: it has never called' }),
})

/** Sources and their tokens. A token is shown once, when it is made. */
export function sourceRoutes(parts: SourcesParts): Route[] {
  const { sources, clock, authenticator } = parts
  const keys = sourceKeys(parts)
  const baseUrl = (id: string): string => `${parts.publicUrl}/scim/${id}/v2`

  const show = (source: SourceRecord): z.infer<typeof sourceAnswer> => ({
    id: source.id,
    name: source.name,
    dialect: source.dialect,
    scimBaseUrl: baseUrl(source.id),
    createdAt: instants({ at: source.createdAt }).at ?? '',
    ...instants({ lastSeenAt: lastSeen(source) }),
    tokens: source.tokens.map(showSecret),
    clientSecrets: (source.clientSecrets ?? []).map(showSecret),
    issuers: (source.issuers ?? []).map(showIssuer),
    allowedNetworks: [...(source.allowedNetworks ?? [])],
    ...(source.silentAfterMs === undefined
      ? {}
      : { silentAfterMinutes: Math.round(source.silentAfterMs / MINUTE) }),
  })

  const load = async (id: string): Promise<SourceRecord> => {
    const source = await sources.source(id)
    if (source === null) throw new HubError('ERR_NOT_FOUND', 'there is no such source')
    return source
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/sources',
      summary: 'Create a source and its first token',
      allow: ADMINS,
      body: z.strictObject({
        id: sourceIdField,
        name: nameField,
        dialect,
        expiresInDays: expiryField,
      }),
      answers: {
        201: {
          description: 'The token is shown here and never again',
          schema: z.object({
            id: z.string(),
            scimBaseUrl: z.string(),
            token: z.string(),
            tokenId: z.string(),
          }),
        },
      },
      handle: async ({ body, acts }) => {
        const { token, record } = keys.make('scim', body.expiresInDays)
        const source: SourceRecord = {
          id: body.id,
          name: body.name,
          dialect: body.dialect,
          tokens: [record],
          createdAt: record.createdAt,
          version: 1,
        }
        await acts.in(async (tx, act) => {
          await sources.insert(source, tx)
          await act({
            entry: { type: 'source.created', source: body.id },
            said: { after: show(source) },
          })
        })
        return {
          status: 201,
          headers: { Location: `${parts.publicUrl}/api/v1/sources/${body.id}` },
          json: { id: body.id, scimBaseUrl: baseUrl(body.id), token, tokenId: record.id },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/sources',
      summary: 'List all sources',
      allow: READERS,
      query: registryQuery,
      answers: { 200: { description: 'By id', schema: pageOf(sourceAnswer) } },
      handle: async ({ query }) => {
        const { items, ...next } = registryPage(await sources.all(), query)
        return { status: 200, json: { items: items.map(show), ...next } }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/sources/{id}',
      summary: 'Read one source',
      allow: READERS,
      params: z.object({ id: sourceIdField }),
      answers: { 200: { description: 'With its ETag', schema: oneSourceAnswer } },
      handle: async ({ params }) => {
        const [source, heartbeat] = await Promise.all([
          load(params.id),
          parts.heartbeats.heartbeat(params.id),
        ])
        const shown = heartbeat && { heartbeat: showHeartbeat(heartbeat, source, clock.now()) }
        return {
          status: 200,
          headers: { ETag: etagOf(source.version) },
          json: { ...show(source), ...shown },
        }
      },
    }),

    defineRoute({
      method: 'PATCH',
      path: '/sources/{id}',
      summary: 'Change what people set of a source; needs If-Match',
      allow: ADMINS,
      params: z.object({ id: sourceIdField }),
      body: z.strictObject({
        name: nameField.optional(),
        dialect: dialect.optional(),
        allowedNetworks: networksField
          .optional()
          .meta({ description: 'CIDR ranges from which it may call; empty: from everywhere' }),
        silentAfterMinutes: z
          .int()
          .min(5)
          .max(90 * 24 * 60)
          .nullable()
          .optional()
          .meta({ description: 'Minutes without a call after which it is silent; null: learned' }),
      }),
      answers: { 200: { description: 'The changed source', schema: sourceAnswer } },
      handle: async ({ params, body, headers, acts }) => {
        const version = versionOf(headers['if-match'])
        const before = await load(params.id)
        const change = {
          id: params.id,
          name: body.name ?? before.name,
          dialect: body.dialect ?? before.dialect,
          allowedNetworks: body.allowedNetworks ?? before.allowedNetworks ?? [],
          ...silence(body.silentAfterMinutes, before.silentAfterMs),
        }
        const fields = Object.keys(present(body)).map(wordOf)
        const changed = { ...before, ...change, version: version + 1 }
        await acts.in(async (tx, act) => {
          if (!(await sources.update(change, version, tx))) throw stale()
          await act({
            entry: { type: 'source.changed', source: params.id, fields },
            said: { after: show(changed) },
          })
        })
        authenticator.invalidate(params.id)
        const after = await load(params.id)
        return { status: 200, headers: { ETag: etagOf(after.version) }, json: show(after) }
      },
    }),

    ...sourceCredentialRoutes(parts),
    ...sourceIssuerRoutes(parts),
  ]
}

/** Absent stays, null goes back to what is learned. */
function silence(
  minutes: number | null | undefined,
  before: number | undefined,
): { silentAfterMs?: number } {
  const after = minutes === undefined ? before : minutes === null ? undefined : minutes * MINUTE
  return after === undefined ? {} : { silentAfterMs: after }
}

function lastSeen({ tokens, clientSecrets = [], issuers = [] }: SourceRecord): number | undefined {
  const times = [...tokens, ...clientSecrets, ...issuers].flatMap((one) => one.lastUsedAt ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}
