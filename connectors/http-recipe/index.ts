import {
  type AccountKeys,
  type Ack,
  anyFacet,
  type CallContext,
  ConnectorError,
  check,
  compareKeys,
  defineConnector,
  type Facet,
  facetSpecs,
  type Handle,
  type HttpClient,
  type Match,
  type Observation,
  preview,
  type Subject,
} from '#connector-sdk'
import { ackOf, requestOf, stateOf } from './api.ts'
import { type FacetRecipe, type RecipeConfig, recipeConfig, type Search } from './config.ts'
import { searchAll, searchPage } from './search.ts'
import type { Values } from './template.ts'

type Call = CallContext<RecipeConfig>

/** Any application with an HTTP interface, described in data instead of code. */
export default defineConnector<RecipeConfig>({
  manifest: {
    id: 'http-recipe',
    version: '1.0.0',
    title: 'HTTP recipe',
    configSchema: recipeConfig,
    secrets: {
      secret: {
        title: 'Token, password or key that may read and disable accounts',
        required: true,
      },
      witnessSecret: { title: 'The same, for reading only', required: false },
    },
    facets: anyFacet({ enumerate: 'partial', revoke: 'api', observe: 'strong' }),
    limits: { concurrency: 4, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: ({ facets, list }) => {
    const settings = facets.map((one) => ({
      ...one,
      readBack: one.readBack && one.observe !== undefined,
      reversible: one.reversible && one.restore !== undefined,
    }))
    return facetSpecs(settings, { enumerate: 'none', revoke: 'api' }).map((spec) =>
      spec.facet === 'account' && list !== undefined ? { ...spec, enumerate: 'complete' } : spec,
    )
  },

  test: async (call) => [
    await check('account.correlate', async () => {
      const nobody = `quittance-check-${call.now()}`
      const values = { userName: nobody, externalId: nobody, email: `${nobody}@invalid.example` }
      const { accounts } = await searchPage(authorized(call), call, searchOf(call.config), values)
      return `the search answers, with ${accounts.length} account(s) for somebody who cannot exist`
    }),
    ...call.config.facets.map(({ facet }) => ({
      name: `${facet}.revoke`,
      ok: true,
      detail: 'not tried: a test writes nothing',
    })),
  ],

  correlate: async (subject, call) => {
    const found = new Map<string, Match>()
    for (const { match } of await search(subject, call)) found.set(match.handle.id, match)
    return [...found.values()]
  },

  list: async (facet, of, cursor, call) => {
    const { list } = call.config
    if (facet !== 'account' || list === undefined) {
      throw new ConnectorError('unsupported', `no listing of ${facet}`)
    }
    if (of !== 'everyone') {
      const found = await search(of, call)
      return {
        items: found.map(({ match, keys }) => listed(match.handle, keys, match)),
        complete: true,
      }
    }
    const page = await searchPage(authorized(call), call, list, {}, cursor)
    return {
      items: page.accounts.map(({ id, keys }) =>
        listed({ facet: 'account', id }, keys, page.response),
      ),
      ...(page.next === undefined ? {} : { next: page.next }),
      complete: page.complete,
    }
  },

  revoke: async (handle, call) => {
    const recipe = recipeOf(handle.facet, call)
    const before = recipe.observe === undefined ? undefined : await look(handle, recipe, call)
    if (before?.state === 'absent') {
      throw new ConnectorError('gone', 'there is no such account', { evidence: before.evidence })
    }
    if (before?.state === 'dead') return { kind: 'already', evidence: before.evidence }
    const ack = await write(handle, recipe.revoke, recipe.revoke, call)
    // What was seen live before may be put back; what was dead already may not.
    return before?.state === 'live' && recipe.restore !== undefined ? { ...ack, undo: {} } : ack
  },

  restore: async (handle, _undo, call) => {
    const { restore, revoke } = recipeOf(handle.facet, call)
    if (restore === undefined) throw new ConnectorError('unsupported', 'this recipe cannot restore')
    return write(handle, restore, revoke, call)
  },

  observe: async (handle, call) => look(handle, recipeOf(handle.facet, call), call),
})

function authorized(call: Call): HttpClient {
  const { auth } = call.config
  const { secret = '' } = call.secrets
  const header = (): Record<string, string> => {
    switch (auth.kind) {
      case 'bearer':
        return { authorization: `Bearer ${secret}` }
      case 'basic':
        return {
          authorization: `Basic ${Buffer.from(`${auth.user}:${secret}`).toString('base64')}`,
        }
      case 'header':
        return { [auth.name]: secret }
    }
  }
  return {
    hide: call.http.hide,
    send: (request) => call.http.send({ ...request, headers: { ...request.headers, ...header() } }),
  }
}

function searchOf({ find, list }: RecipeConfig): Search {
  const chosen = find ?? list
  if (chosen === undefined) throw new ConnectorError('invalid', 'find or list is needed')
  return chosen
}

/** Who of the accounts found is this person, compared on our side. One search per e-mail address, if it asks by that. */
async function search(
  subject: Subject,
  call: Call,
): Promise<{ match: Match; keys: AccountKeys }[]> {
  const { correlateBy, emailsAreExact } = call.config
  const chosen = searchOf(call.config)
  const asksByEmail = JSON.stringify([chosen.path, chosen.body]).includes('{email')
  const emails = asksByEmail ? subject.emails : [undefined]
  if (emails.length === 0) throw new ConnectorError('invalid', 'the person has no e-mail address')
  const { userName, externalId } = subject
  const http = authorized(call)
  const found: { match: Match; keys: AccountKeys }[] = []
  for (const email of emails) {
    const values: Values = {
      userName,
      ...(externalId === undefined ? {} : { externalId }),
      ...(email === undefined ? {} : { email }),
    }
    for (const { account, response } of await searchAll(http, call, chosen, values)) {
      const hit = compareKeys(subject, account.keys, correlateBy, { emailsAreExact })
      if (hit === undefined) continue
      const handle: Handle = { facet: 'account', id: account.id }
      found.push({ match: { handle, ...hit, evidence: response.evidence }, keys: account.keys })
    }
  }
  return found
}

function recipeOf(facet: Facet, { config }: Call): FacetRecipe {
  const recipe = config.facets.find((one) => one.facet === facet)
  if (recipe !== undefined) return recipe
  throw new ConnectorError('unsupported', `this recipe does not handle ${facet}`)
}

async function look(handle: Handle, { observe }: FacetRecipe, call: Call): Promise<Observation> {
  if (observe === undefined) throw new ConnectorError('unsupported', 'this recipe cannot read back')
  const request = requestOf(call.config, observe, { id: handle.id }, { reads: true })
  const response = await authorized(call).send(request)
  const options = { what: `read ${handle.facet}`, isRead: true, now: call.now() }
  const state = stateOf(response, observe, options)
  return { handle, state, at: response.evidence.at, evidence: response.evidence }
}

async function write(
  { facet, id }: Handle,
  step: FacetRecipe['revoke'] | NonNullable<FacetRecipe['restore']>,
  statuses: FacetRecipe['revoke'],
  call: Call,
): Promise<Ack> {
  const values = { id, idempotencyKey: call.idempotencyKey }
  const request = requestOf(call.config, step, values, { reads: false })
  if (call.dryRun) {
    const { host, pathname } = new URL(request.url)
    const { method, body = '' } = request
    return preview(call, { method, target: `${host}${pathname}`, body })
  }
  const response = await authorized(call).send(request)
  const options = { what: `change ${facet}`, isRead: false, now: call.now() }
  return { kind: ackOf(response, statuses, options), evidence: response.evidence }
}

/** A listing shows who is there, not what still works. */
function listed(
  handle: Handle,
  keys: AccountKeys,
  { evidence }: Pick<Observation, 'evidence'>,
): Observation {
  return { handle, state: 'unknown', at: evidence.at, evidence, keys }
}
