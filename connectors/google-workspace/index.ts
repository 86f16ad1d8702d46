import {
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type FacetSpec,
  type Handle,
  type Held,
  nothingToPutBack,
  notTried,
  observed,
  preview,
} from '#connector-sdk'
import { type Call, page, write } from './client.ts'
import { GOOGLE_FACETS, type GoogleConfig, googleConfig } from './config.ts'
import {
  clientsOf,
  endLogins,
  endTokens,
  leaveAll,
  loginsOf,
  membershipsOf,
  putBack,
} from './held.ts'
import {
  candidates,
  correlate,
  existing,
  listPath,
  seenUser,
  setSuspended,
  userById,
  userOf,
  userPath,
} from './users.ts'

/** Access tokens that devices were given go on for so long. */
const TOKEN_LIFE_MS = 60 * 60_000

const readable = {
  revoke: 'api',
  observe: 'eventual',
  settleMs: 60_000,
  residualMs: 0,
} as const

const account: FacetSpec = {
  facet: 'account',
  ...readable,
  enumerate: 'complete',
  reversible: true,
  before: GOOGLE_FACETS,
}
const others: readonly FacetSpec[] = [
  {
    facet: 'session',
    enumerate: 'none',
    revoke: 'api',
    // "Signs a user out of all web and device sessions": of these there is no listing.
    observe: 'none',
    settleMs: 0,
    residualMs: TOKEN_LIFE_MS,
    reversible: false,
  },
  { facet: 'oauth_grant', ...readable, enumerate: 'none', reversible: false },
  { facet: 'local_login', ...readable, enumerate: 'none', reversible: false },
  { facet: 'membership', ...readable, enumerate: 'none', reversible: true, undoNeeds: 'facts' },
]

/** Users of a Google Workspace account, through the Admin SDK. */
export default defineConnector<GoogleConfig>({
  manifest: {
    id: 'google-workspace',
    version: '1.0.0',
    title: 'Google Workspace',
    configSchema: googleConfig,
    secrets: {
      serviceAccountKey: { title: 'Key file (JSON) of the service account', required: true },
      witnessServiceAccountKey: {
        title: 'Key file of the service account that only reads',
        required: false,
      },
    },
    facets: [account, ...others],
    limits: { concurrency: 4, perSecond: 10, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets, settleSeconds }) =>
    [account, ...others]
      .filter(({ facet }) => facet === 'account' || facets.some((one) => one === facet))
      .map((spec) =>
        spec.observe === 'none'
          ? spec
          : {
              ...spec,
              observe: settleSeconds === 0 ? 'strong' : 'eventual',
              settleMs: settleSeconds * 1_000,
            },
      ),

  test: async (call) => [
    await check('account.list', async () => {
      const path = `/users?customer=${call.config.customer}&maxResults=1&fields=kind,users(id)`
      const { items } = await page(path, 'users', 'list the users', call)
      return `read ${items.length} user(s)`
    }),
    ...(call.config.facets.includes('membership')
      ? [
          await check('membership.observe', async () => {
            const path = `/customer/${call.config.customer}/roleassignments?maxResults=1`
            await page(path, 'items', 'list the administrator roles', call)
            return 'administrator roles can be listed'
          }),
        ]
      : []),
    notTried('account'),
    ...call.config.facets.map(notTried),
  ],

  correlate,

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    if (of !== 'everyone') {
      const found = await candidates(of, call)
      return {
        items: found
          .filter(({ user }) => compareKeys(of, user.keys, call.config.correlateBy) !== undefined)
          .map(({ user, evidence }) => seenUser(user, evidence)),
        complete: true,
      }
    }
    const { items, next, response } = await page(
      listPath(call),
      'users',
      'list the users',
      call,
      cursor,
    )
    if (next !== undefined && next === cursor) {
      const { evidence } = response
      throw new ConnectorError('unsupported', 'the listing does not go on', { evidence })
    }
    return {
      items: items.map((item) => seenUser(userOf(item), response.evidence)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: async (handle, call) => {
    if (handle.facet === 'account') return setSuspended(handle, true, call)
    const { user, evidence } = await existing(handle, call)
    switch (handle.facet) {
      case 'session': {
        const path = `${userPath(user.id)}/signOut`
        if (call.dryRun) return preview(call, { method: 'POST', target: evidence.target })
        const signedOut = await write({ method: 'POST', path }, 'end the sessions', call)
        return { kind: 'done', evidence: signedOut }
      }
      case 'oauth_grant':
        return endTokens(user.id, call)
      case 'local_login':
        return endLogins(user.id, call)
      case 'membership':
        return leaveAll(user.id, call)
      default:
        throw new ConnectorError('unsupported', `Google Workspace has no ${handle.facet}`)
    }
  },

  restore: async (handle, undo, call) => {
    if (handle.facet === 'account') return setSuspended(handle, false, call)
    if (handle.facet !== 'membership') throw nothingToPutBack()
    const { user, evidence } = await existing(handle, call)
    return putBack(user.id, undo, evidence, call)
  },

  observe: async (handle, call) => {
    const { user, response } = await userById(handle, call)
    if (user === undefined) return observed(handle, 'absent', response.evidence)
    if (handle.facet === 'account') return seenUser(user, response.evidence)
    const { items, evidence } = await heldBy(handle, call)
    return observed(handle, items.length === 0 ? 'dead' : 'live', evidence)
  },
})

async function heldBy({ facet, id }: Handle, call: Call): Promise<Held<unknown>> {
  switch (facet) {
    case 'oauth_grant':
      return clientsOf(id, call)
    case 'local_login':
      return loginsOf(id, call)
    case 'membership':
      return membershipsOf(id, call)
    default:
      throw new ConnectorError('unsupported', `${facet} cannot be read back`)
  }
}
