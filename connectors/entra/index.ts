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
  type HttpRequest,
  type HttpResponse,
  isLostAnswer,
  type Match,
  nothingToPutBack,
  type Observation,
  preview,
  readAll,
  sameOrigin,
  withClientCredentials,
} from '#connector-sdk'
import {
  type EntraUser,
  filtersFor,
  getUser,
  listUsers,
  revokeSessions,
  setEnabled,
  userAnswer,
  usersAnswer,
  writeAnswer,
} from './api.ts'
import { type EntraConfig, entraConfig } from './config.ts'

type Call = CallContext<EntraConfig>

/** Access tokens live 60 to 90 minutes, where the application does not evaluate continuously. */
const TOKEN_LIFE_MS = 90 * 60_000
const MAX_USERS = 10_000

const account: FacetSpec = {
  facet: 'account',
  enumerate: 'complete',
  revoke: 'api',
  observe: 'eventual',
  settleMs: 60_000,
  residualMs: TOKEN_LIFE_MS,
  reversible: true,
  before: ['session'],
}
const session: FacetSpec = {
  facet: 'session',
  enumerate: 'none',
  revoke: 'api',
  // The time from which sessions are valid can be read; whether it is that of this revocation cannot.
  observe: 'none',
  settleMs: 0,
  residualMs: TOKEN_LIFE_MS,
  reversible: false,
}

/** Users of a Microsoft Entra ID tenant, through Microsoft Graph. */
export default defineConnector<EntraConfig>({
  manifest: {
    id: 'entra',
    version: '1.0.0',
    title: 'Microsoft Entra ID',
    configSchema: entraConfig,
    secrets: {
      clientSecret: { title: 'Secret of the application that disables', required: true },
      witnessClientSecret: { title: 'Secret of the application that only reads', required: false },
    },
    facets: [account, session],
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ settleSeconds }) => [
    {
      ...account,
      observe: settleSeconds === 0 ? 'strong' : 'eventual',
      settleMs: settleSeconds * 1_000,
    },
    session,
  ],

  test: async (call) => [
    await check('account.list', async () => {
      const { items } = await page(listUsers(call.config, "userPrincipalName eq 'x'"), call)
      return `the users can be searched; ${items.length} found for a name that nobody has`
    }),
    { name: 'account.revoke', ok: true, detail: 'not tried: a test writes nothing' },
    { name: 'session.revoke', ok: true, detail: 'not tried: a test writes nothing' },
  ],

  correlate: async (subject, call) => {
    const { correlateBy } = call.config
    const filters = filtersFor(subject, correlateBy)
    if (filters.length === 0) throw new ConnectorError('invalid', 'the person has none of the keys')
    const found = new Map<string, Match>()
    for (const { user, response } of await search(filters, call)) {
      const hit = compareKeys(subject, user.keys, correlateBy)
      if (hit === undefined || found.has(user.id)) continue
      const handle: Handle = { facet: 'account', id: user.id }
      found.set(user.id, { handle, ...hit, ...protection(user, call), evidence: response.evidence })
    }
    return [...found.values()]
  },

  list: async (facet, of, cursor, call) => {
    if (facet !== 'account') throw new ConnectorError('unsupported', `no listing of ${facet}`)
    if (of !== 'everyone') {
      const { correlateBy } = call.config
      const found = await search(filtersFor(of, correlateBy), call)
      return {
        items: found
          .filter(({ user }) => compareKeys(of, user.keys, correlateBy) !== undefined)
          .map(({ user, response }) => observation(user, response)),
        complete: true,
      }
    }
    const { items, next } = await page(requestAt(cursor, call), call)
    return {
      items: items.map(({ user, response }) => observation(user, response)),
      ...(next === undefined ? {} : { next }),
      complete: true,
    }
  },

  revoke: async (handle, call) => {
    if (handle.facet === 'account') return change(handle, false, call)
    if (handle.facet !== 'session') throw new ConnectorError('unsupported', `no ${handle.facet}`)
    const { response: before } = await existing(handle, call)
    const ack = await write(
      revokeSessions(call.config, handle.id),
      before,
      'end the sessions',
      call,
    )
    // "There might be a small delay of a few minutes before tokens are revoked."
    return { ...ack, kind: 'accepted' }
  },

  restore: async (handle, undo, call) => {
    const wasEnabled = isLostAnswer(undo) || undo['accountEnabled'] === true
    if (handle.facet === 'account' && wasEnabled) return change(handle, true, call)
    throw nothingToPutBack()
  },

  observe: async (handle, call) => {
    if (handle.facet !== 'account') {
      throw new ConnectorError('unsupported', `${handle.facet} cannot be read back`)
    }
    const { user, response } = await read(handle, call)
    if (user !== undefined) return observation(user, response)
    return { handle, state: 'absent', at: response.evidence.at, evidence: response.evidence }
  },
})

function authorized(call: Call): HttpClient {
  const { clientSecret } = call.secrets
  if (clientSecret === undefined) throw new ConnectorError('credential', 'clientSecret is missing')
  const { tenantId, clientId, witnessClientId, loginUrl, graphUrl } = call.config
  return withClientCredentials(call, {
    tokenUrl: `${loginUrl}/${tenantId}/oauth2/v2.0/token`,
    clientId: call.credential === 'witness' ? (witnessClientId ?? clientId) : clientId,
    clientSecret,
    clientAuth: 'post',
    scope: `${new URL(graphUrl).origin}/.default`,
  })
}

interface Found {
  user: EntraUser
  response: HttpResponse
}

async function page(
  request: HttpRequest,
  call: Call,
): Promise<{ items: Found[]; next?: string; response: HttpResponse }> {
  const response = await authorized(call).send(request)
  const options = { what: 'list the users', isRead: true, now: call.now() }
  const { items, ...rest } = usersAnswer(response, request.url, options)
  return { ...rest, response, items: items.map((user) => ({ user, response })) }
}

/** The next page is an address that Graph gave: opaque, and on the same host. */
function requestAt(cursor: string | undefined, { config }: Call): HttpRequest {
  const first = listUsers(config)
  if (cursor === undefined) return first
  const evidence = { method: 'GET', target: 'cursor', at: 0, body: '' }
  return { method: 'GET', url: sameOrigin(cursor, first.url, { evidence }) }
}

async function search(filters: readonly string[], call: Call): Promise<Found[]> {
  const found: Found[] = []
  for (const filter of filters) {
    const first = listUsers(call.config, filter)
    const read = (next: string | undefined) =>
      page(next === undefined ? first : { method: 'GET', url: next }, call)
    found.push(...(await readAll(read, MAX_USERS)))
  }
  return found
}

async function read(
  { id }: Handle,
  call: Call,
): Promise<{ user: EntraUser | undefined; response: HttpResponse }> {
  const response = await authorized(call).send(getUser(call.config, id))
  const user = userAnswer(response, { what: 'read the user', isRead: true, now: call.now() })
  if (user === undefined || user.id === id) return { user, response }
  throw new ConnectorError('invalid', 'Microsoft Graph answered with another user', {
    evidence: response.evidence,
  })
}

async function existing(handle: Handle, call: Call): Promise<Found> {
  const { user, response } = await read(handle, call)
  if (user !== undefined) return { user, response }
  throw new ConnectorError('gone', 'no such user', { evidence: response.evidence })
}

async function change(handle: Handle, enabled: boolean, call: Call): Promise<Ack> {
  const { user, response: before } = await existing(handle, call)
  if (user.enabled === enabled) return { kind: 'already', evidence: before.evidence }
  const what = enabled ? 'enable the account' : 'disable the account'
  const ack = await write(setEnabled(call.config, user.id, enabled), before, what, call)
  return enabled ? ack : { ...ack, undo: { accountEnabled: true } }
}

async function write(
  request: HttpRequest,
  before: HttpResponse,
  what: string,
  call: Call,
): Promise<Ack> {
  if (call.dryRun) return preview(call, { method: request.method, target: before.evidence.target })
  const response = await authorized(call).send(request)
  writeAnswer(response, { what, isRead: false, now: call.now() })
  return { kind: 'done', evidence: response.evidence }
}

function protection(user: EntraUser, { config }: Call): Pick<Match, 'protectedBecause'> {
  const name = user.keys.userName?.toLowerCase()
  if (config.protectedUsers.some((one) => one.toLowerCase() === name)) {
    return { protectedBecause: 'listed as protected' }
  }
  return user.isSynced && !config.allowSynced
    ? { protectedBecause: 'synchronised from a directory, which would enable it again' }
    : {}
}

function observation({ id, enabled, keys }: EntraUser, { evidence }: HttpResponse): Observation {
  const state = enabled === undefined ? 'unknown' : enabled ? 'live' : 'dead'
  return { handle: { facet: 'account', id }, state, at: evidence.at, evidence, keys }
}
