import {
  type Ack,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Evidence,
  endEach,
  type FacetSpec,
  type Handle,
  type Held,
  joinEvidence,
  nothingToPutBack,
  notTried,
  observed,
  pathSegment,
  preview,
  sameOrigin,
} from '#connector-sdk'
import { type Call, everyPage, page, write } from './client.ts'
import { OKTA_FACETS, type OktaConfig, oktaConfig } from './config.ts'
import { endGrants, grantsOf } from './grants.ts'
import { leaveAll, membershipsOf, putBack } from './memberships.ts'
import {
  candidates,
  correlate,
  disable,
  enable,
  existing,
  seenUser,
  userById,
  userOf,
  userUrl,
} from './users.ts'

/** Access tokens live for an hour unless a policy says otherwise. */
const TOKEN_LIFE_MS = 60 * 60_000

const readable = { revoke: 'api', observe: 'strong', settleMs: 0, residualMs: 0 } as const
/** "Revokes" is all that Okta says of these: there is no reading of a user's sessions, nor a complete one of factors. */
const unreadable = { ...readable, observe: 'none', enumerate: 'none', reversible: false } as const

const account: FacetSpec = {
  facet: 'account',
  ...readable,
  enumerate: 'complete',
  reversible: true,
  before: OKTA_FACETS,
}
const others: readonly FacetSpec[] = [
  { facet: 'session', ...unreadable, residualMs: TOKEN_LIFE_MS },
  {
    facet: 'oauth_grant',
    ...readable,
    enumerate: 'none',
    residualMs: TOKEN_LIFE_MS,
    reversible: false,
  },
  { facet: 'api_token', ...readable, enumerate: 'none', reversible: false },
  { facet: 'membership', ...readable, enumerate: 'none', reversible: true, undoNeeds: 'facts' },
  { facet: 'local_login', ...unreadable },
]

/** Users of an Okta organization. */
export default defineConnector<OktaConfig>({
  manifest: {
    id: 'okta',
    version: '1.0.0',
    title: 'Okta',
    configSchema: oktaConfig,
    secrets: {
      token: { title: 'API token that may disable users', required: false, inHeader: true },
      witnessToken: { title: 'API token that may only read', required: false, inHeader: true },
      privateKey: { title: 'Private key of the service app that disables', required: false },
      witnessPrivateKey: { title: 'Private key of the one that only reads', required: false },
    },
    facets: [account, ...others],
    limits: { concurrency: 4, perSecond: 8, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ disable: chosen, facets, accessTokenMinutes }) =>
    [{ ...account, reversible: chosen === 'suspend' }, ...others]
      .filter(({ facet }) => facet === 'account' || facets.some((one) => one === facet))
      .map((spec) => ({
        ...spec,
        residualMs: spec.residualMs === 0 ? 0 : accessTokenMinutes * 60_000,
      })),

  test: async (call) => [
    await check('account.list', async () => {
      const { items } = await page('/api/v1/users?limit=1', 'list the users', call)
      return `read ${items.length} user(s)`
    }),
    ...(call.config.facets.includes('api_token')
      ? [
          await check('api_token.observe', async () => {
            await page('/api/v1/api-tokens', 'list the API tokens', call)
            return 'the API tokens can be listed'
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
      '/api/v1/users?limit=200',
      'list the users',
      call,
      cursor === undefined ? undefined : ownAddress(cursor, call),
    )
    return {
      items: items.map((item) => seenUser(userOf(item, call), response.evidence)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: async (handle, call) => {
    if (handle.facet === 'account') return disable(handle, call)
    const { user, evidence } = await existing(handle, call)
    switch (handle.facet) {
      case 'session': {
        const url = `${userUrl(call, user.id)}/sessions?oauthTokens=true&forgetDevices=true`
        return once({ method: 'DELETE', url }, 'end the sessions', evidence, call)
      }
      case 'local_login': {
        const url = `${userUrl(call, user.id)}/lifecycle/reset_factors`
        return once({ method: 'POST', url }, 'reset the factors', evidence, call)
      }
      case 'oauth_grant':
        return endGrants(user.id, call)
      case 'api_token':
        return endTokens(user.id, call)
      case 'membership':
        return leaveAll(user.id, call)
      default:
        throw new ConnectorError('unsupported', `Okta has no ${handle.facet}`)
    }
  },

  restore: async (handle, undo, call) => {
    if (handle.facet === 'account') return enable(handle, call)
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
      return grantsOf(id, call)
    case 'api_token':
      return tokensOf(id, call)
    case 'membership':
      return membershipsOf(id, call)
    default:
      throw new ConnectorError('unsupported', `${facet} cannot be read back`)
  }
}

/** The listing is of the whole organization: whose a token is, is compared here. */
async function tokensOf(userId: string, call: Call): Promise<Held<string>> {
  const { items, evidence } = await everyPage('/api/v1/api-tokens', 'list the API tokens', call)
  const own = items.flatMap((item) => {
    const { id, userId: owner } = (item ?? {}) as Record<string, unknown>
    return owner === userId ? [String(id)] : []
  })
  return { items: own, evidence: joinEvidence(evidence) }
}

async function endTokens(userId: string, call: Call): Promise<Ack> {
  const base = `${call.config.orgUrl}/api/v1/api-tokens`
  return endEach(
    call,
    await tokensOf(userId, call),
    (id) => id,
    (id) => write({ method: 'DELETE', url: `${base}/${pathSegment(id)}` }, 'revoke a token', call),
  )
}

/** One write for all; Okta does not say what there was. */
async function once(
  request: { method: 'DELETE' | 'POST'; url: string },
  what: string,
  before: Evidence,
  call: Call,
): Promise<Ack> {
  if (call.dryRun) return preview(call, { method: request.method, target: before.target })
  return { kind: 'done', evidence: await write(request, what, call) }
}

function ownAddress(cursor: string, { config }: Call): string {
  const evidence = { method: 'GET', target: 'cursor', at: 0, body: '' }
  return sameOrigin(cursor, config.orgUrl, { evidence })
}
