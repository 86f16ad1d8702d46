/**
 * `admin`: everything. `auditor`: reads everything, changes nothing. `owner`: reads and answers for the apps
 * that name them. `metrics`: reads /metrics and nothing else.
 */
export const ROLES = ['admin', 'auditor', 'owner', 'metrics'] as const
export type Role = (typeof ROLES)[number]

/** A caller of /api/v1 who has proved who they are. */
export interface Principal {
  /** Token id, or `admin-token` and `metrics-token` for the configured ones. Fit for logs. */
  id: string
  role: Role
  /** For `owner`: the name under which apps list them in `owners`. */
  ownerName?: string
}
