/**
 * `admin`: everything. `operator`: works on what is open, registers nothing. `auditor`: reads everything, changes
 * nothing. `owner`: reads and answers for the apps that name them. `viewer`: reads what is open and how far it is.
 * `metrics`: reads /metrics and nothing else.
 */
export const ROLES = ['admin', 'operator', 'auditor', 'owner', 'viewer', 'metrics'] as const
export type Role = (typeof ROLES)[number]

/** A caller of /api/v1 who has proved who they are. */
export interface Principal {
  /** Token id, session id, or `admin-token` and `metrics-token` for the configured ones. Fit for logs and the ledger. */
  id: string
  role: Role
  /** For `owner`: the name under which apps list them in `owners`. */
  ownerName?: string
  /**
   * Who is behind it: an e-mail address or a user name, lower case. All tokens and sessions of one human have the
   * same. Absent for tokens of programs: they may neither propose nor decide.
   */
  person?: string
  /** The person, or `admin-token`, who made this token. Absent for sessions and configured tokens. */
  madeBy?: string
  /** The directory user that they are, where that is known: who leaves there loses this access too. */
  linked?: { sourceId: string; userId: string }
}

/** Who is behind a principal, for four eyes. `admin-token` stands for whoever holds the configured token. */
export function humanOf(principal: Pick<Principal, 'id' | 'person'>): string | undefined {
  return principal.person ?? (principal.id === 'admin-token' ? 'admin-token' : undefined)
}
