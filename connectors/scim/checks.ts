import {
  type CallContext,
  ConnectorError,
  type CorrelationKey,
  type HttpClient,
  jsonObject,
} from '#connector-sdk'
import { filtersFor, providerConfigRequest, type ScimUser } from './api.ts'
import type { ScimConfig } from './config.ts'
import { listPage } from './listing.ts'

/** What a test of the connection asks the server, beyond whether it can be read. Nothing here writes. */

type Call = CallContext<ScimConfig>

/**
 * Asks for somebody who cannot exist, then by each key for somebody who is listed: a filter that misses people hides accounts.
 *
 * @returns what was found out
 * @throws ConnectorError `unsupported` when searches must go by listing
 */
export async function checkFilter(http: HttpClient, call: Call): Promise<string> {
  if (call.config.search === 'list') return 'not asked for: users are found by listing'
  const nobody = `userName eq "quittance-check-${call.now()}@invalid.example"`
  const none = await listPage(http, call, undefined, nobody)
  if (none.users.length > 0) {
    throw new ConnectorError('unsupported', 'the server ignores filters: set search to list')
  }
  const { users } = await listPage(http, call, undefined)
  for (const { id, filter, fault } of questionsAbout(users, call.config.correlateBy)) {
    const found = await listPage(http, call, undefined, filter)
    if (found.users.some((user) => user.id === id)) continue
    throw new ConnectorError('unsupported', `the server ${fault}: set search to list`)
  }
  return users.length === 0
    ? 'the filter was honoured; nobody is listed who could be asked for'
    : 'the filter was honoured'
}

/**
 * A test writes nothing: this asks the server what it says about itself.
 *
 * @throws ConnectorError `unsupported` when it says that it lacks what `disable` needs
 */
export async function checkDisableStyle(http: HttpClient, call: Call): Promise<string> {
  if (!call.config.disable.startsWith('patch')) return 'not tried: a test writes nothing'
  const response = await http.send(providerConfigRequest(call.config))
  if (response.status === 404) return 'not tried; the server has no ServiceProviderConfig'
  const { patch } = jsonObject(response, {
    what: 'read ServiceProviderConfig',
    isRead: true,
    now: call.now(),
  }) as {
    patch?: { supported?: boolean }
  }
  if (patch?.supported === false) {
    throw new ConnectorError('unsupported', 'the server says it has no PATCH: set disable to put')
  }
  return 'not tried: a test writes nothing; the server says it has PATCH'
}

/** A filter that must find the user `id`, and what is wrong with a server where it does not. */
interface FilterQuestion {
  id: string
  filter: string
  fault: string
}

/** Per key, a question about the first of these users who has it; userName also in another case (RFC 7643 §4.1.1). */
function questionsAbout(
  users: readonly ScimUser[],
  by: readonly CorrelationKey[],
): FilterQuestion[] {
  const about = (key: CorrelationKey, user: ScimUser, fault: string): FilterQuestion[] => {
    const { userName = '', externalId, emails } = user.keys
    const subject = { sourceId: '', userId: '', userName, emails: emails?.slice(0, 1) ?? [] }
    const named = externalId === undefined ? subject : { ...subject, externalId }
    return filtersFor(named, [key]).map((filter) => ({ id: user.id, filter, fault }))
  }
  return by.flatMap((key) => {
    const user = users.find(({ keys }) => (keys[key]?.length ?? 0) > 0)
    if (user === undefined) return []
    const asked = about(key, user, `does not find by ${key} whom it lists`)
    if (key !== 'userName') return asked
    const other = { ...user, keys: { userName: inOtherCase(user.keys.userName ?? '') } }
    return [...asked, ...about(key, other, 'finds a userName in one spelling only')]
  })
}

function inOtherCase(text: string): string {
  const lower = text.toLowerCase()
  return text === lower ? text.toUpperCase() : lower
}
