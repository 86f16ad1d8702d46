import {
  type Ack,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type FacetSpec,
  type Handle,
  type HttpClient,
  type HttpResponse,
  isLostAnswer,
  type Match,
  nothingToPutBack,
  type Observation,
  preview,
  type ReadingOptions,
  withClientCredentials,
} from '#connector-sdk'
import {
  deleteAnswer,
  filtersFor,
  getUserRequest,
  type ScimUser,
  setActiveRequest,
  userAnswer,
  writeAnswer,
} from './api.ts'
import { checkDisableStyle, checkFilter } from './checks.ts'
import { type ScimConfig, scimConfig } from './config.ts'
import { listAll, listPage } from './listing.ts'

type Call = CallContext<ScimConfig>

const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'strong',
  settleMs: 0,
  residualMs: 0,
  reversible: true,
}

/** Any application with a SCIM 2.0 interface (RFC 7643, RFC 7644). */
export default defineConnector<ScimConfig>({
  manifest: {
    id: 'scim',
    version: '1.0.0',
    title: 'SCIM 2.0',
    configSchema: scimConfig,
    secrets: {
      token: {
        title: 'Bearer token that may read and change users',
        required: false,
        inHeader: true,
      },
      witnessToken: {
        title: 'Bearer token that may only read users',
        required: false,
        inHeader: true,
      },
      clientSecret: { title: 'OAuth client secret', required: false },
      witnessClientSecret: { title: 'OAuth client secret for reading back', required: false },
    },
    facets: [account],
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ disable, settleSeconds, residualMinutes }) => [
    {
      ...account,
      observe: settleSeconds === 0 ? 'strong' : 'eventual',
      settleMs: settleSeconds * 1_000,
      residualMs: residualMinutes * 60_000,
      reversible: disable !== 'delete',
    },
  ],

  absenceOf: ({ listsEverybody }) => (listsEverybody ? 'proof' : 'suspect'),

  test: async (call) => [
    await check('account.list', async () => {
      const http = authorized(call)
      const { users } = await listPage(
        http,
        { ...call, config: { ...call.config, pageSize: 1 } },
        undefined,
      )
      return `read ${users.length} user(s)`
    }),
    await check('account.correlate', () => checkFilter(authorized(call), call)),
    await check('account.revoke', () => checkDisableStyle(authorized(call), call)),
  ],

  correlate: async (subject, call) => {
    const { search, correlateBy, emailsAreExact } = call.config
    const http = authorized(call)
    const filters = search === 'list' ? [undefined] : filtersFor(subject, correlateBy)
    // "Not found" is said only after a look.
    if (filters.length === 0) throw new ConnectorError('invalid', 'the person has none of the keys')
    const matches = new Map<string, Match>()
    for (const filter of filters) {
      const { found } = await listAll(http, call, filter)
      for (const { user, response } of found) {
        const hit = compareKeys(subject, user.keys, correlateBy, { emailsAreExact })
        if (hit === undefined || matches.has(user.id)) continue
        matches.set(user.id, {
          handle: { facet: 'account', id: user.id },
          ...hit,
          ...protection(user, call.config),
          evidence: response.evidence,
        })
      }
    }
    return [...matches.values()]
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw unsupported(facet)
    const http = authorized(call)
    if (of === 'everyone') {
      const { users, response, next, end } = await listPage(http, call, cursor)
      return {
        items: users.map((user) => observation(user, response, call)),
        ...(next === undefined ? {} : { next }),
        complete: end === 'more' || end === 'all',
      }
    }
    const { search, correlateBy } = call.config
    const filters = search === 'list' ? [undefined] : filtersFor(of, correlateBy)
    const items = new Map<string, Observation>()
    let complete = true
    for (const filter of filters) {
      const { found, end } = await listAll(http, call, filter)
      complete &&= end === 'all'
      for (const { user, response } of found) {
        if (compareKeys(of, user.keys, correlateBy) === undefined) continue
        items.set(user.id, observation(user, response, call))
      }
    }
    return { items: [...items.values()], complete }
  },

  revoke: (handle, call) => setActive(handle, false, call),

  restore: async (handle, undo, call) => {
    if (!isLostAnswer(undo) && undo['active'] !== true) throw nothingToPutBack()
    return setActive(handle, true, call)
  },

  observe: async (handle, call) => {
    if (handle.facet !== 'account') throw unsupported(handle.facet)
    const { user, response } = await read(handle.id, authorized(call), call)
    if (user !== undefined) return observation(user, response, call)
    return { handle, state: 'absent', at: response.evidence.at, evidence: response.evidence }
  },
})

/** Adds the credential to every request. */
function authorized(call: Call): HttpClient {
  const { oauth } = call.config
  const { token, clientSecret } = call.secrets
  if (oauth !== undefined) {
    if (clientSecret === undefined)
      throw new ConnectorError('credential', 'clientSecret is missing')
    const { witnessClientId, tokenUrl, clientId, scope, audience, clientAuth } = oauth
    return withClientCredentials(call, {
      tokenUrl,
      clientId: call.credential === 'witness' ? (witnessClientId ?? clientId) : clientId,
      clientSecret,
      clientAuth,
      ...(scope === undefined ? {} : { scope }),
      ...(audience === undefined ? {} : { audience }),
    })
  }
  if (token === undefined) throw new ConnectorError('credential', 'token is missing')
  return {
    hide: call.http.hide,
    send: (request) =>
      call.http.send({
        ...request,
        headers: { ...request.headers, authorization: `Bearer ${token}` },
      }),
  }
}

async function read(
  id: string,
  http: HttpClient,
  call: Call,
): Promise<{ user: ScimUser | undefined; response: HttpResponse }> {
  const response = await http.send(getUserRequest(call.config, id))
  const user = userAnswer(response, reading('read the account', call))
  if (user !== undefined && user.id !== id) {
    throw new ConnectorError('invalid', 'the server answered with another user', {
      evidence: response.evidence,
    })
  }
  return { user, response }
}

/** Reads first: what is already so is not written again, and the version read guards the write. */
async function setActive(handle: Handle, active: boolean, call: Call): Promise<Ack> {
  if (handle.facet !== 'account') throw unsupported(handle.facet)
  const http = authorized(call)
  for (const isRetry of [false, true]) {
    const { user, response: before } = await read(handle.id, http, call)
    if (user === undefined) {
      throw new ConnectorError('gone', 'the server knows no such user', {
        evidence: before.evidence,
      })
    }
    if (user.active === active && call.config.disable !== 'delete') {
      return { kind: 'already', evidence: before.evidence }
    }
    const request = setActiveRequest(call.config, user, active)
    if (request === undefined)
      throw new ConnectorError('unsupported', 'a deletion cannot be undone')
    if (call.dryRun) {
      const { method, body = '' } = request
      return preview(call, { method, target: before.evidence.target, body })
    }
    const response = await http.send(request)
    // Somebody changed the user in between: read and try once more.
    if (response.status === 412 && !isRetry) continue
    const what = active ? 'enable the account' : 'disable the account'
    const options = { what, isRead: false, now: call.now() }
    const kind =
      request.method === 'DELETE' ? deleteAnswer(response, options) : writeAnswer(response, options)
    if (kind instanceof ConnectorError) throw kind
    // Only what was not disabled gets here; a deletion leaves nothing to put back.
    const undo = active || request.method === 'DELETE' ? {} : { undo: { active: true } }
    return { kind, evidence: response.evidence, ...undo }
  }
  throw new ConnectorError('conflict', 'the account changes all the time')
}

function observation(user: ScimUser, response: HttpResponse, call: Call): Observation {
  const active = isOwnText(user, call.config)
    ? undefined
    : (user.active ?? (call.config.missingActiveMeansActive ? true : undefined))
  return {
    handle: { facet: 'account', id: user.id },
    state: active === undefined ? 'unknown' : active ? 'live' : 'dead',
    at: response.evidence.at,
    evidence: response.evidence,
    keys: user.keys,
  }
}

/** A server that keeps any text shows the text that this hub sent, whatever it makes of it: no sign that somebody is disabled. */
const isOwnText = ({ active, resource }: ScimUser, { disable }: ScimConfig): boolean =>
  disable === 'patch-string' && active === false && typeof resource['active'] === 'string'

function protection(user: ScimUser, config: ScimConfig): Pick<Match, 'protectedBecause'> {
  const name = user.keys.userName?.toLowerCase()
  const isProtected = config.protectedUserNames.some((one) => one.toLowerCase() === name)
  return isProtected ? { protectedBecause: 'listed as protected' } : {}
}

function reading(what: string, call: Call): ReadingOptions {
  return { what, isRead: true, now: call.now() }
}

function unsupported(facet: string): ConnectorError {
  return new ConnectorError('unsupported', `SCIM knows no ${facet}`)
}
