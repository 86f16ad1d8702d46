import { z } from 'zod'
import type { FacetSpec } from '../connector-sdk/contract.ts'
import { type Lane, laneId } from '../revocation/lane.ts'
import type { LaneDesk } from '../revocation/lane-desk.ts'
import type { LaneStore } from '../revocation/store.ts'
import type { AppRecord } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { mayRead, OPERATORS_AND_OWNERS, READERS_AND_OWNERS } from './access.ts'
import { type ApprovalRightParts, createApprovalRight } from './approval-right.ts'
import { idField, sourceIdField } from './fields.ts'
import { reasonField } from './revocation-acts.ts'
import { defineRoute, type Route } from './route.ts'

export interface LinksParts extends ApprovalRightParts {
  lanes: Pick<LaneStore, 'load'>
  desk: LaneDesk
  apps: { all(): Promise<AppRecord[]>; app(id: string): Promise<AppRecord | null> }
  facetsOf(app: AppRecord): readonly FacetSpec[]
}

const personParams = { sourceId: sourceIdField, userId: idField }
const params = z.object({ ...personParams, appId: idField })

const linkAnswer = z.object({
  appId: z.string(),
  appName: z.string(),
  accounts: z.array(
    z.object({
      facet: z.string(),
      accountId: z.string(),
      seenLive: z.boolean().meta({ description: 'The hub has seen it live' }),
    }),
  ),
  undecided: z
    .boolean()
    .meta({ description: 'Several accounts, or none: a person must say which' }),
})

/**
 * Which account of an app is whose: what the hub found out, and what people told it. Nobody tells it about themselves:
 * who leaves could name somebody's account that is dead already.
 */
export function linkRoutes(parts: LinksParts): Route[] {
  const { apps, desk } = parts
  const right = createApprovalRight(parts)
  const load = async (appId: string, principal: Parameters<typeof mayRead>[0]) => {
    const app = await apps.app(appId)
    if (app === null || !mayRead(principal, app)) {
      throw new HubError('ERR_NOT_FOUND', 'there is no such app')
    }
    return app
  }
  return [
    defineRoute({
      method: 'GET',
      path: '/users/{sourceId}/{userId}/links',
      summary: 'Which accounts are this person’s, by app',
      allow: READERS_AND_OWNERS,
      params: z.object(personParams),
      answers: {
        200: {
          description: 'Apps in which something is known or asked',
          schema: z.object({ items: z.array(linkAnswer) }),
        },
      },
      handle: async ({ params: person, principal }) => {
        const readable = (await apps.all()).filter((app) => mayRead(principal, app))
        const idOf = (app: AppRecord): string => laneId({ ...person, appId: app.id })
        const lanes = await parts.lanes.load(readable.map(idOf))
        const items = readable.flatMap((app) => {
          const lane = lanes.get(idOf(app))
          return lane === undefined ? [] : [show(app, lane)]
        })
        return { status: 200, json: { items } }
      },
    }),

    defineRoute({
      method: 'PUT',
      path: '/users/{sourceId}/{userId}/links/{appId}',
      summary:
        'Say which account is this person’s; ends an ambiguous match, or goes ahead of a departure',
      allow: OPERATORS_AND_OWNERS,
      params,
      body: z.strictObject({
        accountId: z.string().min(1).max(512),
        reason: reasonField.meta({ description: 'How you know' }),
      }),
      answers: { 204: { description: 'Bound; what waited for it goes on' } },
      handle: async ({ params: key, body, principal, acts }) => {
        const app = await load(key.appId, principal)
        await right.refuseSubject(principal, key)
        if ((await parts.directory.user(key.sourceId, key.userId)) === null) {
          // Somebody deleted at the provider may still have a lane to be resolved.
          if (!(await parts.lanes.load([laneId(key)])).has(laneId(key))) {
            throw new HubError('ERR_NOT_FOUND', 'there is no such user')
          }
        }
        const facets = parts.facetsOf(app).map(({ facet }) => facet)
        await acts.in(async (tx, act) => {
          await desk.bind(key, { handleId: body.accountId, facets }, tx)
          await act({
            entry: { type: 'link.bound', app: app.id, source: key.sourceId },
            said: {
              account: body.accountId,
              subject: { sourceId: key.sourceId, userId: key.userId },
              reason: body.reason,
            },
          })
        })
        desk.poke()
        return { status: 204 }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/users/{sourceId}/{userId}/links/{appId}',
      summary: 'Forget which account is this person’s; the hub looks for it again',
      allow: OPERATORS_AND_OWNERS,
      params,
      answers: { 204: { description: 'Forgotten' } },
      handle: async ({ params: key, principal, acts }) => {
        const app = await load(key.appId, principal)
        await right.refuseSubject(principal, key)
        const lane = (await parts.lanes.load([laneId(key)])).get(laneId(key))
        const account = lane?.links[0]?.handleId ?? ''
        await acts.in(async (tx, act) => {
          await desk.unbind(key, tx)
          await act({
            entry: { type: 'link.unbound', app: app.id, source: key.sourceId },
            said: { account, subject: { sourceId: key.sourceId, userId: key.userId } },
          })
        })
        desk.poke()
        return { status: 204 }
      },
    }),
  ]
}

function show(app: AppRecord, lane: Lane): z.infer<typeof linkAnswer> {
  return {
    appId: app.id,
    appName: app.name,
    accounts: lane.links.map(({ facet, handleId, seenLive }) => ({
      facet,
      accountId: handleId,
      seenLive,
    })),
    undecided: lane.work.some(
      ({ reason }) => reason === 'ambiguous-match' || reason === 'no-account-found',
    ),
  }
}
