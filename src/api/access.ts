import type { Principal, Role } from '../auth/principal.ts'

/** Who may do what, by kind of operation. Each route names one of these or a list of its own. */

/** Sees everything: cases, people, evidence, sources. */
export const READERS = ['admin', 'operator', 'auditor'] as const
/** Sees what is open and how far it is, and no audit trail, token or certificate. */
export const VIEWERS = ['admin', 'operator', 'auditor', 'viewer'] as const
/** The same, and owners of apps, for their own. */
export const VIEWERS_AND_OWNERS = ['admin', 'operator', 'auditor', 'viewer', 'owner'] as const
export const READERS_AND_OWNERS = ['admin', 'operator', 'auditor', 'owner'] as const
/** Sees what everybody did, in the audit trail and in the entries of the ledger, which hold the same acts and all cases. */
export const AUDITORS = ['admin', 'auditor'] as const
/** Works on what is open. */
export const OPERATORS = ['admin', 'operator'] as const
/** Works on what is open in their own apps too. */
export const OPERATORS_AND_OWNERS = ['admin', 'operator', 'owner'] as const
/** Changes what the hub is: sources, apps, tokens. */
export const ADMINS = ['admin'] as const
/** Everybody who may use the API at all. */
export const EVERYBODY = [
  'admin',
  'operator',
  'auditor',
  'viewer',
  'owner',
] as const satisfies Role[]

/**
 * An owner sees what is of an app that names them now; the others see all that their role lets them.
 *
 * @param app null: there is no such app, so it is nobody's
 */
export function mayRead(principal: Principal, app: { owners: readonly string[] } | null): boolean {
  return principal.role !== 'owner' || (app?.owners.includes(principal.ownerName ?? '') ?? false)
}
