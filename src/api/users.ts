import { z } from 'zod'
import type { PeopleSearch } from '../directory/people-search.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { UserRecord } from '../directory/types.ts'
import type { RevocationReader } from '../revocation/reader.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import { isJsonObject } from '../shared/json.ts'
import { READERS } from './access.ts'
import { idField, present, sourceIdField } from './fields.ts'
import { certificateUrl, offboardingAnswer, showOffboarding } from './offboardings.ts'
import { personRevocations } from './person-revocations.ts'
import { currentAccess, personStatus } from './person-status.ts'
import { appsById, revocationAnswer, showRevocation } from './revocation-answer.ts'
import { defineRoute, type Route } from './route.ts'

export interface UsersParts {
  directory: Pick<DirectoryStore, 'user'>
  people: PeopleSearch
  sources: { all(): Promise<readonly { id: string }[]> }
  revocations: Pick<RevocationReader, 'list' | 'offboardings'>
  apps: { all(): Promise<AppRecord[]> }
  publicUrl: string
  clock: Clock
}

const SEARCH_LIMIT = 50

const userAnswer = z.object({
  sourceId: z.string(),
  id: z.string(),
  userName: z.string().optional(),
  displayName: z.string().optional(),
  externalId: z.string().optional(),
  emails: z.array(z.string()),
  active: z.boolean(),
  deleted: z
    .boolean()
    .meta({ description: 'The provider has deleted the account; this is what the case kept' }),
})
type UserAnswer = z.infer<typeof userAnswer>

const accessAnswer = revocationAnswer.extend({
  certificate: z.string(),
})

const statusAnswer = userAnswer.extend({
  status: z
    .enum(['employed', 'open', 'residual', 'gone', 'waived', 'nothing-owed'])
    .meta({ description: 'Is this person gone?' }),
  counts: z.object({
    open: z.int(),
    overdue: z.int(),
    human: z.int(),
    proven: z.int(),
  }),
  access: z
    .array(accessAnswer)
    .meta({ description: 'Newest revocation of each app and facet: what is open first' }),
  offboardings: z.array(offboardingAnswer),
})

/** People, and what is known about their access. */
export function userRoutes(parts: UsersParts): Route[] {
  const { directory, revocations, clock } = parts
  return [
    defineRoute({
      method: 'GET',
      path: '/users',
      summary:
        'Find people by the beginning of user name, e-mail address or external id, deleted ones too',
      allow: READERS,
      query: z.strictObject({
        search: z.string().trim().min(1, 'must not be empty').max(256),
        source: sourceIdField.optional(),
      }),
      answers: {
        200: {
          description: `At most ${SEARCH_LIMIT}; \`truncated\` when there are more`,
          schema: z.object({ items: z.array(userAnswer), truncated: z.boolean() }),
        },
      },
      handle: async ({ query }) => {
        const sourceIds =
          query.source === undefined
            ? (await parts.sources.all()).map(({ id }) => id)
            : [query.source]
        const limit = SEARCH_LIMIT
        const { users, former, more } = await parts.people.find(query.search, { sourceIds, limit })
        const items = [
          ...users.map(showUser),
          ...former.map((one) => showFormer(one.sourceId, one.userId, one)),
        ]
        return { status: 200, json: { items, truncated: more } }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/users/{sourceId}/{userId}',
      summary: 'Is this person gone? Everything about one person',
      allow: READERS,
      params: z.object({ sourceId: sourceIdField, userId: idField }),
      answers: { 200: { description: 'By app and facet', schema: statusAnswer } },
      handle: async ({ params: { sourceId, userId } }) => {
        const [user, cases, all, apps] = await Promise.all([
          directory.user(sourceId, userId),
          revocations.offboardings({ sourceId, userId }, { limit: 200 }),
          personRevocations(revocations, { sourceId, userId }),
          appsById(parts.apps),
        ])
        const offboardings = cases.items
        const newest = offboardings[0]
        if (user === null && newest === undefined) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such user')
        }
        const now = clock.now()
        const access = currentAccess(all)
          .map((revocation) => ({
            ...showRevocation(revocation, now, apps),
            certificate: certificateUrl(parts.publicUrl, revocation.offboardingId),
          }))
          .sort((a, b) => Number(b.open) - Number(a.open) || (a.deadlineAt < b.deadlineAt ? -1 : 1))
        return {
          status: 200,
          json: {
            ...(user === null ? showFormer(sourceId, userId, newest?.subject) : showUser(user)),
            status: personStatus(
              { active: user?.active ?? false, offboardings, revocations: all },
              now,
            ),
            counts: {
              open: access.filter((a) => a.open).length,
              overdue: access.filter((a) => a.overdue).length,
              human: access.filter((a) => a.state === 'human').length,
              proven: access.filter((a) => a.state === 'proven').length,
            },
            access,
            offboardings: offboardings.map((item) => showOffboarding(item, parts.publicUrl)),
          },
        }
      },
    }),
  ]
}

function showUser(user: UserRecord): UserAnswer {
  const { resource } = user
  return {
    sourceId: user.sourceId,
    id: user.id,
    ...present({
      userName: textOf(resource['userName']),
      displayName: textOf(resource['displayName']),
      externalId: textOf(resource['externalId']),
    }),
    emails: emailsOf(resource),
    active: user.active,
    deleted: false,
  }
}

/** Somebody whom the provider has deleted: the case remembers who it was, until that is erased too. */
function showFormer(
  sourceId: string,
  id: string,
  subject:
    | { userName?: string; displayName?: string; externalId?: string; emails?: readonly string[] }
    | undefined,
): UserAnswer {
  return {
    sourceId,
    id,
    ...present({
      userName: subject?.userName,
      displayName: subject?.displayName,
      externalId: subject?.externalId,
    }),
    emails: [...(subject?.emails ?? [])],
    active: false,
    deleted: true,
  }
}

const textOf = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined

function emailsOf(resource: JsonObject): string[] {
  const { emails } = resource
  if (!Array.isArray(emails)) return []
  return emails.flatMap((email) => (isJsonObject(email) ? (textOf(email['value']) ?? []) : []))
}
