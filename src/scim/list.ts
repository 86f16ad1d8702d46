import type { ListResult } from '../directory/store.ts'
import type { GroupRecord, UserRecord } from '../directory/types.ts'
import { HubError } from '../shared/errors.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import type { ScimAnswer, ScimCall, ScimParts } from './call.ts'
import { type ListRequest, listQueryOf } from './list-request.ts'
import { isReturned, project, projectionOf } from './projection.ts'
import { renderGroup, renderMembers, renderUser } from './render.ts'
import type { ResourceSchema, Schemas } from './schema.ts'

/** Listing, filtering and searching (RFC 7644 §3.4.2, §3.4.3, RFC 9865). */
export interface ScimLists {
  one(call: ScimCall, schema: ResourceSchema, request: ListRequest): Promise<ScimAnswer>
  /** `/.search` at the root: users first, then groups. */
  all(call: ScimCall, request: ListRequest): Promise<ScimAnswer>
}

interface Page {
  totalResults: number
  resources: JsonObject[]
  nextCursor?: string
}

export function createScimLists({ store }: Pick<ScimParts, 'store'>, schemas: Schemas): ScimLists {
  const users = async (call: ScimCall, request: ListRequest, unknown: Unknown): Promise<Page> => {
    const { sourceId } = call.identity
    const projection = projectionOf(
      schemas.User,
      request.attributes,
      request.excludedAttributes,
      call.dialect,
    )
    const query = listQueryOf(request, schemas.User, call.dialect, unknown)
    const found = isReturned(projection, 'groups')
      ? await store.listUsersWithGroups(sourceId, query)
      : { ...(await store.listUsers(sourceId, query)), groups: undefined }
    return page(found, (user: UserRecord) =>
      project(
        schemas.User,
        renderUser(schemas.User, user, found.groups?.get(user.id) ?? [], call.base),
        projection,
      ),
    )
  }

  const groups = async (call: ScimCall, request: ListRequest, unknown: Unknown): Promise<Page> => {
    const { sourceId } = call.identity
    const projection = projectionOf(
      schemas.Group,
      request.attributes,
      request.excludedAttributes,
      call.dialect,
    )
    const found = await store.listGroups(
      sourceId,
      listQueryOf(request, schemas.Group, call.dialect, unknown),
    )
    const ids = found.items.map((group) => group.id)
    const members = isReturned(projection, 'members')
      ? await store.membersOf(sourceId, ids)
      : undefined
    const shown = new Map<string, Json[]>()
    for (const id of members === undefined ? [] : ids) {
      shown.set(id, await renderMembers(members?.get(id) ?? [], call.base))
    }
    return page(found, (group: GroupRecord) =>
      project(
        schemas.Group,
        renderGroup(schemas.Group, group, shown.get(group.id), call.base),
        projection,
      ),
    )
  }

  /**
   * Users first, then groups. The cursor is that of the type under way, with the type before it.
   */
  const allByCursor = async (
    call: ScimCall,
    request: ListRequest,
    { cursor, count }: Extract<ListRequest['page'], { kind: 'cursor' }>,
  ): Promise<Page> => {
    const [, type, inner = ''] = /^(users|groups)\.(.*)$/s.exec(cursor) ?? []
    if (type === undefined && cursor !== '') {
      throw new HubError('ERR_INVALID_CURSOR', 'the cursor does not belong to this query')
    }
    const paged = (from: string, rows: number): ListRequest => ({
      ...request,
      page: { kind: 'cursor', cursor: from, count: rows },
    })
    const first = await users(
      call,
      paged(type === 'users' ? inner : '', type === 'groups' ? 0 : count),
      'absent',
    )
    const isUsersLeft = type !== 'groups' && first.nextCursor !== undefined
    const left = isUsersLeft ? 0 : count - first.resources.length
    const second = await groups(call, paged(type === 'groups' ? inner : '', left), 'absent')
    const next = isUsersLeft
      ? `users.${first.nextCursor}`
      : left === 0 && count > 0 && second.totalResults > 0
        ? 'groups.'
        : second.nextCursor === undefined
          ? undefined
          : `groups.${second.nextCursor}`
    return {
      totalResults: first.totalResults + second.totalResults,
      resources: [...first.resources, ...second.resources],
      ...(next === undefined ? {} : { nextCursor: next }),
    }
  }

  return {
    async one(call, schema, request) {
      const list = schema.type === 'User' ? users : groups
      return listAnswer(request, await list(call, request, 'refuse'))
    },

    async all(call, request) {
      checkKnownSomewhere(schemas, call, request)
      if (request.page.kind === 'cursor') {
        return listAnswer(request, await allByCursor(call, request, request.page))
      }
      const { startIndex, count } = request.page
      const first = await users(call, request, 'absent')
      const left = count - first.resources.length
      const second = await groups(
        call,
        {
          ...request,
          page: {
            kind: 'index',
            startIndex: Math.max(1, startIndex - first.totalResults),
            count: left,
          },
        },
        'absent',
      )
      return listAnswer(request, {
        totalResults: first.totalResults + second.totalResults,
        resources: [...first.resources, ...second.resources],
      })
    },
  }
}

type Unknown = 'refuse' | 'absent'

/** An attribute may be missing from one type; when no type has it, the request is wrong. */
function checkKnownSomewhere(schemas: Schemas, call: ScimCall, request: ListRequest): void {
  try {
    listQueryOf(request, schemas.User, call.dialect)
  } catch {
    listQueryOf(request, schemas.Group, call.dialect)
  }
}

function page<T>(found: ListResult<T>, render: (item: T) => JsonObject): Page {
  return {
    totalResults: found.totalResults,
    resources: found.items.map(render),
    ...(found.nextCursor === undefined ? {} : { nextCursor: found.nextCursor }),
  }
}

/** A ListResponse. `itemsPerPage` counts what is here, not what was asked for. */
export function listAnswer(
  request: Pick<ListRequest, 'page'>,
  { totalResults, resources, nextCursor }: Page,
): ScimAnswer {
  return {
    status: 200,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults,
      itemsPerPage: resources.length,
      ...(request.page.kind === 'index' ? { startIndex: request.page.startIndex } : {}),
      ...(nextCursor === undefined ? {} : { nextCursor }),
      Resources: resources,
    },
  }
}
