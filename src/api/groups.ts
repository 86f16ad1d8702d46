import { z } from 'zod'
import type { AttributePath } from '../directory/query.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { GroupRecord } from '../directory/types.ts'
import type { AppRecord } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { READERS } from './access.ts'
import { idField, present, sourceIdField } from './fields.ts'
import { defineRoute, type Route } from './route.ts'

export interface GroupsParts {
  directory: Pick<DirectoryStore, 'group' | 'listGroups' | 'members'>
  apps: { all(): Promise<AppRecord[]> }
}

const MOST_MEMBERS = 1_000
const LIMIT = 50

const groupAnswer = z.object({
  sourceId: z.string(),
  id: z.string(),
  displayName: z.string().optional(),
  externalId: z.string().optional(),
  grants: z
    .array(z.object({ id: z.string(), name: z.string() }))
    .meta({ description: 'Apps that its members may use' }),
})

const DISPLAY_NAME: AttributePath = {
  attribute: 'displayName',
  type: 'string',
  caseExact: false,
  multiValued: false,
}

/** Groups as the providers have them, and which apps they grant. */
export function groupRoutes({ directory, apps }: GroupsParts): Route[] {
  const show = (group: GroupRecord, all: readonly AppRecord[]): z.infer<typeof groupAnswer> => {
    const { displayName, externalId } = group.resource
    return {
      sourceId: group.sourceId,
      id: group.id,
      ...present({
        displayName: typeof displayName === 'string' ? displayName : undefined,
        externalId: typeof externalId === 'string' ? externalId : undefined,
      }),
      grants: all
        .filter(
          ({ scope }) =>
            scope.kind === 'groups' &&
            scope.groups.some((g) => g.sourceId === group.sourceId && g.groupId === group.id),
        )
        .map(({ id, name }) => ({ id, name })),
    }
  }
  return [
    defineRoute({
      method: 'GET',
      path: '/groups',
      summary: 'Find groups of a source by the beginning of their name',
      allow: READERS,
      query: z.strictObject({
        source: sourceIdField,
        search: z.string().trim().min(1).max(256).optional(),
        cursor: z.string().max(1_024).optional(),
      }),
      answers: {
        200: {
          description: `One page of at most ${LIMIT}`,
          schema: z.object({ items: z.array(groupAnswer), nextCursor: z.string().optional() }),
        },
      },
      handle: async ({ query: { source, search, cursor = '' } }) => {
        const page = await directory.listGroups(source, {
          page: { kind: 'cursor', cursor, count: LIMIT },
          ...(search === undefined
            ? {}
            : {
                filter: {
                  kind: 'compare' as const,
                  path: DISPLAY_NAME,
                  operator: 'sw' as const,
                  value: search,
                },
              }),
        })
        const all = await apps.all()
        return {
          status: 200,
          json: {
            items: page.items.map((group) => show(group, all)),
            ...present({ nextCursor: page.nextCursor }),
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/groups/{sourceId}/{groupId}',
      summary: 'Read one group with its members',
      allow: READERS,
      params: z.object({ sourceId: sourceIdField, groupId: idField }),
      answers: {
        200: {
          description: `At most ${MOST_MEMBERS} members are shown`,
          schema: groupAnswer.extend({
            memberCount: z.int(),
            members: z.array(z.object({ id: z.string(), type: z.string() })),
          }),
        },
      },
      handle: async ({ params: { sourceId, groupId } }) => {
        const group = await directory.group(sourceId, groupId)
        if (group === null) throw new HubError('ERR_NOT_FOUND', 'there is no such group')
        const members = await directory.members(sourceId, groupId)
        return {
          status: 200,
          json: {
            ...show(group, await apps.all()),
            memberCount: members.length,
            members: members
              .slice(0, MOST_MEMBERS)
              .map(({ memberId, type }) => ({ id: memberId, type })),
          },
        }
      },
    }),
  ]
}
