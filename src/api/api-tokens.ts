import { z } from 'zod'
import type { ApiTokenRecord, ApiTokenStore } from '../auth/api-token-store.ts'
import { humanOf, type Principal, ROLES } from '../auth/principal.ts'
import { NO_DIRECTORY, type StandingPort } from '../auth/standing.ts'
import { newToken } from '../auth/tokens.ts'
import { type Clock, DAY, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import { ADMINS } from './access.ts'
import { idField, instantField, nameField, pageOf, present } from './fields.ts'
import { registryPage, registryQuery } from './registry-page.ts'
import { defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

export interface ApiTokensParts {
  tokens: ApiTokenStore
  /** Do the hub's own users still work here? */
  standing?: StandingPort
  clock: Clock
}

const tokenAnswer = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  ownerName: z.string().optional(),
  person: z.string().optional(),
  madeBy: z.string().optional(),
  prefix: z.string(),
  createdAt: instantField,
  expiresAt: instantField,
})

/** Tokens for this API, with fewer rights than the configured admin token. */
export function apiTokenRoutes({ tokens, clock, standing }: ApiTokensParts): Route[] {
  const { standingOf } = standing ?? NO_DIRECTORY
  return [
    defineRoute({
      method: 'POST',
      path: '/tokens',
      summary: 'Make a token for this API',
      allow: ADMINS,
      body: z.strictObject({
        name: nameField.meta({ description: 'What it is for' }),
        role: z.enum(ROLES),
        person: personField.optional().meta({
          description:
            'Who holds it. Only the configured admin token may name somebody; the others make tokens for themselves',
        }),
        program: z
          .boolean()
          .default(false)
          .meta({ description: 'For a program: it may neither propose nor decide' }),
        ownerName: nameField
          .optional()
          .meta({ description: 'For the role owner: the name under which apps list this person' }),
        expiresInDays: z.int().min(1).max(366).default(90),
      }),
      answers: {
        201: {
          description: 'The token is shown here and never again',
          schema: tokenAnswer.extend({ token: z.string() }),
        },
      },
      handle: async ({ body, principal, acts }) => {
        if ((body.role === 'owner') !== (body.ownerName !== undefined)) {
          throw invalid([
            { pointer: '/ownerName', message: 'goes with the role owner, and only with it' },
          ])
        }
        const person = holderOf(principal, body)
        const madeBy = humanOf(principal)
        const standing = person === undefined ? undefined : await standingOf(person, undefined)
        if (standing?.kind === 'gone') {
          throw invalid([{ pointer: '/person', message: 'has left, by the directory' }])
        }
        const linked = standing?.kind === 'active' ? standing.linked : undefined
        const { token, hash, prefix } = newToken('api')
        const now = clock.now()
        const record: ApiTokenRecord = {
          id: newId(),
          name: body.name,
          role: body.role,
          ...present({ ownerName: body.ownerName, person, madeBy, linked }),
          hash,
          prefix,
          createdAt: now,
          expiresAt: now + body.expiresInDays * DAY,
        }
        await acts.in(async (tx, act) => {
          await tokens.insert(record, tx)
          const expires = iso(record.expiresAt)
          await act({
            entry: { type: 'token.issued', token: record.id, role: record.role, expires },
            said: { after: show(record) },
          })
        })
        return { status: 201, json: { ...show(record), token } }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/tokens',
      summary: 'List the tokens for this API, without the tokens themselves',
      allow: ADMINS,
      query: registryQuery,
      answers: { 200: { description: 'Oldest first', schema: pageOf(tokenAnswer) } },
      handle: async ({ query }) => {
        const { items, ...next } = registryPage(await tokens.all(), query)
        return { status: 200, json: { items: items.map(show), ...next } }
      },
    }),

    defineRoute({
      method: 'DELETE',
      path: '/tokens/{id}',
      summary: 'Delete a token; it is refused at once',
      allow: ADMINS,
      params: z.object({ id: idField }),
      answers: { 204: { description: 'Deleted' } },
      handle: async ({ params, acts }) => {
        await acts.in(async (tx, act) => {
          if (!(await tokens.remove(params.id, tx))) {
            throw new HubError('ERR_NOT_FOUND', 'there is no such token')
          }
          await act({ entry: { type: 'token.revoked', token: params.id } })
        })
        return { status: 204 }
      },
    }),
  ]
}

function show(token: ApiTokenRecord): z.infer<typeof tokenAnswer> {
  return {
    id: token.id,
    name: token.name,
    role: token.role,
    ...present({ ownerName: token.ownerName, person: token.person, madeBy: token.madeBy }),
    prefix: token.prefix,
    createdAt: iso(token.createdAt),
    expiresAt: iso(token.expiresAt),
  }
}

/** An e-mail address or a user name, as four eyes compare it. */
const personField = nameField.transform((name) => name.toLowerCase())

/**
 * Whose token it is. A person makes tokens for themselves, whatever they write: two names for one human would be
 * two pairs of eyes. Only the configured admin token, which belongs to the installation, may name others.
 */
function holderOf(
  principal: Principal,
  asked: { person?: string | undefined; program: boolean },
): string | undefined {
  const mayName = principal.id === 'admin-token'
  if (asked.person !== undefined && asked.person !== principal.person && !mayName) {
    throw invalid([{ pointer: '/person', message: 'must be yourself' }])
  }
  if (asked.program) return undefined
  return asked.person ?? principal.person
}
