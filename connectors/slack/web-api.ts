import {
  type CallContext,
  ConnectorError,
  type Evidence,
  type Fault,
  type HttpClient,
  type HttpResponse,
  jsonObject,
  type ReadingOptions,
  readAll,
  reading,
  withHeaders,
  writing,
} from '#connector-sdk'
import type { SlackConfig } from './config.ts'

/** The Web API of Slack: every answer is 200, and says in its body whether it was one. */

export type Call = CallContext<SlackConfig>

/** An organization has several sessions for every member. */
const MAX_SESSIONS = 200_000

/** What goes wrong by name. All else means that the request or the set-up is wrong. @see https://docs.slack.dev/reference/methods/admin.users.session.reset#errors */
const FAULTS: Record<string, Fault> = {
  ratelimited: 'throttled',
  rate_limited: 'throttled',
  not_authed: 'credential',
  invalid_auth: 'credential',
  account_inactive: 'credential',
  token_revoked: 'credential',
  token_expired: 'credential',
  missing_scope: 'forbidden',
  not_allowed_token_type: 'forbidden',
  no_permission: 'forbidden',
  access_denied: 'forbidden',
  not_an_admin: 'forbidden',
  admin_unauthorized: 'forbidden',
  feature_not_enabled: 'unsupported',
  cannot_reset_bot: 'unsupported',
  cannot_reset_primary_owner: 'protected',
  user_not_found: 'gone',
  internal_error: 'transient',
  fatal_error: 'transient',
  service_unavailable: 'transient',
  request_timeout: 'transient',
}
/** Slack says of these that some of the work may have been done. */
const MAYBE_DONE = ['internal_error', 'fatal_error', 'request_timeout']

/** The client with the credential. @throws ConnectorError credential */
export function slack(call: Call): HttpClient {
  const { token } = call.secrets
  if (token === undefined) throw new ConnectorError('credential', 'token is missing')
  return withHeaders(call.http, { authorization: `Bearer ${token}` })
}

/** @throws ConnectorError also for `ok: false` */
export function webAnswer(
  response: HttpResponse,
  options: ReadingOptions,
): Record<string, unknown> {
  const body = jsonObject(response, options)
  const { evidence } = response
  if (body['ok'] === true) return body
  if (body['ok'] !== false) {
    throw new ConnectorError('invalid', `could not ${options.what}: no answer of Slack`, {
      effect: options.isRead ? 'none' : 'unknown',
      evidence,
    })
  }
  const code = String(body['error'])
  const effect = !options.isRead && MAYBE_DONE.includes(code) ? 'unknown' : 'none'
  throw new ConnectorError(FAULTS[code] ?? 'invalid', `could not ${options.what}: ${name(code)}`, {
    effect,
    evidence,
  })
}

/** Only what can be a code: nothing else of an answer belongs into a message. */
const name = (code: string): string => (/^[a-z_]{1,60}$/.test(code) ? code : 'refused')

const method = ({ config }: Call, what: string, form: Record<string, string>) =>
  ({
    method: 'POST',
    url: `${config.apiUrl}/${what}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  }) as const

/** Id of the user behind the token. @see https://docs.slack.dev/reference/methods/auth.test */
export async function ownId(call: Call): Promise<string | undefined> {
  const request = { ...method(call, 'auth.test', {}), reads: true }
  const response = await slack(call).send(request)
  const { user_id: id } = webAnswer(response, reading('ask who the token belongs to', call))
  return typeof id === 'string' ? id : undefined
}

/** @see https://docs.slack.dev/reference/methods/admin.users.session.reset */
export async function resetSessions(userId: string, call: Call): Promise<Evidence> {
  const request = method(call, 'admin.users.session.reset', { user_id: userId })
  const response = await slack(call).send(request)
  webAnswer(response, writing('end the sessions', call))
  return response.evidence
}

/**
 * How many sessions of the user are open. `user_id` is only taken together with a workspace; without them Slack lists
 * every session of the organization.
 *
 * @returns the evidence of the page that showed a session of the user, else of the last one
 * @see https://docs.slack.dev/reference/methods/admin.users.session.list
 */
export async function openSessions(
  userId: string,
  call: Call,
): Promise<{ count: number; evidence: Evidence }> {
  const { sessionTeams } = call.config
  const queries: Record<string, string>[] =
    sessionTeams.length === 0
      ? [{}]
      : sessionTeams.map((team) => ({ team_id: team, user_id: userId }))
  let count = 0
  let evidence: Evidence | undefined
  for (const query of queries) {
    await readAll(async (cursor) => {
      const page = await sessionPage(
        { ...query, ...(cursor === undefined ? {} : { cursor }) },
        call,
      )
      const own = page.users.filter((one) => one === userId).length
      if (count === 0) evidence = page.evidence
      count += own
      return { items: page.users, ...(page.next === undefined ? {} : { next: page.next }) }
    }, MAX_SESSIONS)
  }
  if (evidence === undefined) throw new ConnectorError('bug', 'no page was read')
  return { count, evidence }
}

/** One page: whose sessions are on it. Also tells whether the listing is allowed at all. @throws ConnectorError */
export async function sessionPage(
  query: Record<string, string>,
  call: Call,
): Promise<{ users: string[]; next?: string; evidence: Evidence }> {
  const form = { limit: '1000', ...query }
  const request = { ...method(call, 'admin.users.session.list', form), reads: true }
  const response = await slack(call).send(request)
  const { evidence } = response
  const body = webAnswer(response, reading('list the sessions', call))
  const { active_sessions: sessions, response_metadata: more } = body
  if (!Array.isArray(sessions)) {
    throw new ConnectorError('invalid', 'could not list the sessions: no list', { evidence })
  }
  const { next_cursor: next } = (more ?? {}) as { next_cursor?: unknown }
  return {
    users: sessions.map((one) => String((one as { user_id?: unknown } | null)?.user_id)),
    evidence,
    ...(typeof next === 'string' && next !== '' ? { next } : {}),
  }
}
