import type { AuditStore } from '../auth/audit-store.ts'
import { type Clock, HOUR, SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'

/** Looks go to applications: so many may one principal ask for within an hour, at all processes together. */
export const LOOKS_AN_HOUR = 60

/** How a look that somebody asked for is recorded. */
export const LOOK = { type: 'admin.acted', kind: 'revocation.observe' } as const

/**
 * Counts in the audit trail, which every process shares and where each look is committed with what it asks for. Requests
 * at the same instant do not see one another: a principal may get a few more.
 *
 * @param by id of the principal
 * @throws HubError ERR_RATE_LIMITED, with the seconds until the oldest look is an hour ago
 */
export async function refuseTooManyLooks(
  { audit, clock }: { audit: Pick<AuditStore, 'list'>; clock: Clock },
  by: string,
): Promise<void> {
  const now = clock.now()
  const { items } = await audit.list({ ...LOOK, by, from: now - HOUR }, { limit: LOOKS_AN_HOUR })
  const oldest = items[LOOKS_AN_HOUR - 1]
  if (oldest === undefined) return
  throw new HubError(
    'ERR_RATE_LIMITED',
    `you have asked for ${LOOKS_AN_HOUR} looks within an hour; the planned ones go on`,
    { retryAfterSeconds: Math.max(1, Math.ceil((oldest.at + HOUR - now) / SECOND)) },
  )
}
