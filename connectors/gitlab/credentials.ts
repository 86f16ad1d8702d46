import {
  type Ack,
  ConnectorError,
  endEach,
  type Facet,
  type Held,
  joinEvidence,
} from '#connector-sdk'
import { type Call, everyPage, write } from './client.ts'

/** Tokens and keys of a user of an instance. */

/** Where one of them is ended. */
type Credential = string

const LISTS: Partial<Record<Facet, (userId: string) => readonly [list: string, item: string][]>> = {
  api_token: (userId) => [
    // The listing of personal tokens leaves out those that administrators made to act as the user.
    [`/personal_access_tokens?user_id=${userId}&state=active`, '/personal_access_tokens'],
    [`/users/${userId}/impersonation_tokens?state=active`, `/users/${userId}/impersonation_tokens`],
  ],
  ssh_key: (userId) => [[`/users/${userId}/keys`, `/users/${userId}/keys`]],
  signing_key: (userId) => [[`/users/${userId}/gpg_keys`, `/users/${userId}/gpg_keys`]],
}

/**
 * @see https://docs.gitlab.com/api/personal_access_tokens/, https://docs.gitlab.com/api/user_keys/,
 *   https://docs.gitlab.com/api/user_tokens/
 */
export async function credentialsOf(
  facet: Facet,
  userId: string,
  call: Call,
): Promise<Held<Credential>> {
  const lists = LISTS[facet]?.(userId)
  if (lists === undefined) throw new ConnectorError('unsupported', `GitLab has no ${facet} here`)
  const found = []
  const evidence = []
  for (const [list, item] of lists) {
    const path = `${list}${list.includes('?') ? '&' : '?'}per_page=100`
    const read = await everyPage(path, 'list tokens or keys', call)
    evidence.push(...read.evidence)
    found.push(
      ...read.items.filter((one) => isTheirs(one, userId)).map((one) => `${item}/${idOf(one)}`),
    )
  }
  const [first, ...rest] = evidence
  if (first === undefined) throw new ConnectorError('bug', 'nothing was read')
  return { items: found, evidence: joinEvidence([first, ...rest]) }
}

/** A server that ignores the filter must lead to nobody else's tokens, and to none that has ended. */
function isTheirs(value: unknown, userId: string): boolean {
  const { user_id: owner, active } = (value ?? {}) as Record<string, unknown>
  return (owner === undefined || String(owner) === userId) && active !== false
}

function idOf(value: unknown): number {
  const { id } = (value ?? {}) as { id?: unknown }
  if (typeof id === 'number') return id
  throw new ConnectorError('invalid', 'GitLab shows a token or key without id')
}

/** @throws ConnectorError */
export async function endCredentials(facet: Facet, userId: string, call: Call): Promise<Ack> {
  return endEach(
    call,
    await credentialsOf(facet, userId, call),
    (path) => path,
    (path) => write({ method: 'DELETE', path }, 'end a token or key', call),
  )
}
