import type { Facet } from '../connector-sdk/contract.ts'
import { DAY, HOUR, type Instant, MINUTE } from '../shared/clock.ts'
import type { AppClass } from './types.ts'

/** How long each class of app may take, in ms, by what has to be revoked there. */
export type DeadlineTable = Readonly<Record<AppClass, Readonly<Record<FacetGroup, number>>>>

/** Disabling and killing sessions is quick; tokens need a listing; a known secret needs a rotation. */
type FacetGroup = 'login' | 'credential' | 'secret'

export const DEFAULT_DEADLINES: DeadlineTable = {
  0: { login: 5 * MINUTE, credential: 15 * MINUTE, secret: 24 * HOUR },
  1: { login: 15 * MINUTE, credential: HOUR, secret: 24 * HOUR },
  2: { login: HOUR, credential: 4 * HOUR, secret: 72 * HOUR },
  3: { login: 4 * HOUR, credential: 24 * HOUR, secret: 7 * DAY },
}

const GROUP_OF: Readonly<Record<Facet, FacetGroup>> = {
  account: 'login',
  local_login: 'login',
  session: 'login',
  api_token: 'credential',
  ssh_key: 'credential',
  oauth_grant: 'credential',
  membership: 'credential',
  shared_secret: 'secret',
  signing_key: 'secret',
}

/** A departure for cause moves every class up by one. */
export function effectiveClass(appClass: AppClass, forCause: boolean): AppClass {
  return forCause && appClass > 0 ? ((appClass - 1) as AppClass) : appClass
}

/** @param from the later of the effective and the received time */
export function deadlineAt(
  appClass: AppClass,
  facet: Facet,
  from: Instant,
  table: DeadlineTable = DEFAULT_DEADLINES,
): Instant {
  return from + table[appClass][GROUP_OF[facet]]
}
