import { type Clock, type Instant, iso } from '../shared/clock.ts'
import { HubError, isHubError } from '../shared/errors.ts'
import type { Transaction, Transactor } from '../shared/transaction.ts'

/**
 * `scheduled → opened | cancelled | void`. `void`: at its time there was nothing left to open, because the provider
 * had deactivated or deleted the person before; their case came from that.
 */
export type LeaveState = 'scheduled' | 'opened' | 'cancelled' | 'void'

/** A departure that is known now and takes effect later. No personal data beside the ids. */
export interface ScheduledLeave {
  id: string
  sourceId: string
  userId: string
  effectiveAt: Instant
  /** Moves every class up by one. */
  forCause: boolean
  requestId: string
  /** Who asked, and who cancelled; ids, no names. */
  principalId: string
  cancelledBy?: string
  receivedAt: Instant
  state: LeaveState
  /** Set with `opened`. */
  offboardingId?: string
  /** When it left `scheduled`. */
  endedAt?: Instant
}

export interface LeaveStore {
  /** @throws HubError ERR_UNIQUENESS when the person has a scheduled leave already */
  insert(leave: ScheduledLeave, tx?: Transaction): Promise<void>
  leave(id: string): Promise<ScheduledLeave | null>
  /** Soonest first. */
  list(
    filter: { state?: LeaveState; sourceId?: string; userId?: string },
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: ScheduledLeave[]; next?: string }>
  /** Scheduled ones whose time is at or before `until`, soonest first. */
  due(until: Instant, limit: number): Promise<ScheduledLeave[]>
  /** Time of the next scheduled one; undefined when there is none. */
  nextAt(): Promise<Instant | undefined>
  /** Leaves `scheduled`, once. @returns false when it had left it before */
  end(
    id: string,
    change: Pick<ScheduledLeave, 'offboardingId' | 'cancelledBy'> & {
      state: Exclude<LeaveState, 'scheduled'>
      endedAt: Instant
    },
    tx?: Transaction,
  ): Promise<boolean>
}

export interface LeaveDeps {
  leaves: LeaveStore
  transactor: Transactor
  store: { user(sourceId: string, id: string): Promise<object | null> }
  clock: Clock
  newId(): string
  /** Something is to be opened at that time, perhaps soon: wake the opener of this process. */
  onScheduled?(at: Instant): void
}

export interface LeaveRequest {
  sourceId: string
  userId: string
  /** A date and time with its offset from UTC; see `parseInstant`. May lie in the past: then it is opened at once. */
  effectiveAt: string
  forCause: boolean
  requestId: string
  principalId: string
}

/** A leave planned further ahead than this is a typing error. */
const FURTHEST_MS = 5 * 366 * 86_400_000

/**
 * Stores a departure of the future. When this returns it is durable, and is opened at its time by whichever process
 * is alive.
 *
 * @throws HubError ERR_NOT_FOUND (no such user), ERR_INVALID_VALUE (no instant, no zone, too far ahead),
 *   ERR_UNIQUENESS (the person has one already: cancel it first)
 */
export async function scheduleLeave(
  deps: LeaveDeps,
  request: LeaveRequest,
): Promise<ScheduledLeave> {
  const now = deps.clock.now()
  const { effectiveAt: text, ...rest } = request
  const effectiveAt = parseInstant(text)
  if (effectiveAt > now + FURTHEST_MS) {
    throw new HubError('ERR_INVALID_VALUE', 'effectiveAt lies more than five years ahead')
  }
  if ((await deps.store.user(request.sourceId, request.userId)) === null) {
    throw new HubError('ERR_NOT_FOUND', `no such User: ${request.userId}`)
  }
  const leave: ScheduledLeave = {
    id: deps.newId(),
    ...rest,
    effectiveAt,
    receivedAt: now,
    state: 'scheduled',
  }
  try {
    await deps.transactor.transaction((tx) => deps.leaves.insert(leave, tx))
  } catch (error) {
    if (!isHubError(error, 'ERR_UNIQUENESS')) throw error
    throw new HubError('ERR_UNIQUENESS', 'this person has a scheduled leave; cancel it first', {
      cause: error,
    })
  }
  deps.onScheduled?.(effectiveAt)
  return leave
}

/**
 * Cancels a leave before its time.
 *
 * @throws HubError ERR_NOT_FOUND, ERR_CONFLICT (it was opened, is void, or was cancelled before)
 */
export async function cancelLeave(
  { leaves, transactor, clock }: Pick<LeaveDeps, 'leaves' | 'transactor' | 'clock'>,
  { id, principalId }: { id: string; principalId: string },
): Promise<ScheduledLeave> {
  const ended = { state: 'cancelled', cancelledBy: principalId, endedAt: clock.now() } as const
  const before = await leaves.leave(id)
  if (before === null) throw new HubError('ERR_NOT_FOUND', 'there is no such scheduled leave')
  await transactor.transaction(async (tx) => {
    if (await leaves.end(id, ended, tx)) return
    const { state, endedAt } = (await leaves.leave(id)) ?? before
    throw new HubError('ERR_CONFLICT', `it is ${state} since ${iso(endedAt ?? ended.endedAt)}`)
  })
  return { ...before, ...ended }
}

/** RFC 3339 date-time. The zone is not optional: "17:00" means different things to different people. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/

/** @throws HubError ERR_INVALID_VALUE */
export function parseInstant(text: string): Instant {
  const at = DATE_TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(at) && exists(text)) return at
  throw new HubError(
    'ERR_INVALID_VALUE',
    'effectiveAt must be a date and time with its zone, such as 2026-12-31T18:00:00+01:00',
  )
}

/** `Date.parse` takes 31 February for 3 March. */
function exists(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number)
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
}
