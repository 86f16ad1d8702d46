import { type AccountKeys, compareKeys, type Match, type Subject } from '#connector-sdk'
import type { GitlabConfig } from './config.ts'

/** A user, or a member of a group, as GitLab shows them. */
export interface GitlabUser {
  id: string
  /** Of a user, the state of the account; of a member, too. */
  state: string | undefined
  username: string | undefined
  email: string | undefined
  /** The name in the single sign-on. */
  identity: string | undefined
}

type By = GitlabConfig['correlateBy'][number]

/** The keys of the hub, by one of the ways in which people are known here. */
export function keysBy(by: By, { username, email, identity }: GitlabUser): AccountKeys {
  const name = { username, email, identity }[by]
  return {
    ...(name === undefined ? {} : { userName: name }),
    // An identity provider often sends its own id as the name.
    ...(by === 'identity' && name !== undefined ? { externalId: name } : {}),
    ...(email === undefined ? {} : { emails: [email] }),
  }
}

/** By the first of the ways that tells; an address that is not the user name is weak. */
export function matchUser(
  subject: Subject,
  user: GitlabUser,
  { correlateBy }: Pick<GitlabConfig, 'correlateBy'>,
): Pick<Match, 'strength' | 'matchedOn'> | undefined {
  for (const by of correlateBy) {
    const hit = compareKeys(subject, keysBy(by, user), ['userName', 'externalId'])
    if (hit !== undefined) return { ...hit, matchedOn: by }
  }
  return correlateBy.includes('email')
    ? compareKeys(subject, keysBy('email', user), ['emails'])
    : undefined
}

/** Why nobody but a person may decide about this user. */
export function protection(
  user: GitlabUser,
  self: string | undefined,
  { protectedUsers }: Pick<GitlabConfig, 'protectedUsers'>,
): Pick<Match, 'protectedBecause'> {
  const name = user.username?.toLowerCase()
  if (protectedUsers.some((one) => one.toLowerCase() === name)) {
    return { protectedBecause: 'listed as protected' }
  }
  return user.id === self ? { protectedBecause: 'the user that this hub uses' } : {}
}

/** @param provider whose identity counts; a group has only one */
export function userOf(value: unknown, provider: string): GitlabUser {
  const one = (value ?? {}) as Record<string, unknown>
  const { id, state, username, email, identities, group_saml_identity: own } = one
  const named = (Array.isArray(identities) ? identities : []).find(
    (identity) => (identity as { provider?: unknown } | null)?.provider === provider,
  )
  const { extern_uid: identity } = (own ?? named ?? {}) as { extern_uid?: unknown }
  return {
    id: typeof id === 'number' ? String(id) : '',
    state: text(state),
    username: text(username),
    email: text(email),
    identity: text(identity),
  }
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
