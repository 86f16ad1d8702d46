import { isDeepStrictEqual } from 'node:util'
import { coversLess } from '../revocation/scope.ts'
import type { AppRecord } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'
import { invalid } from './validate.ts'

/**
 * What takes away from what is owed in an app needs a second person.
 *
 * @throws HubError ERR_FORBIDDEN
 */
export function refuseAlone(before: AppRecord, after: AppRecord): void {
  const lax =
    after.class > before.class
      ? 'a laxer class'
      : coversLess(before.scope, after.scope)
        ? 'a scope that covers less'
        : undefined
  if (lax === undefined) return
  throw new HubError('ERR_FORBIDDEN', `${lax} needs a second person; propose it at /approvals`)
}

/**
 * The configuration says where secrets are sent. Who changes it must have them: otherwise whoever gets hold of one
 * admin's token could have any of them sent to a host of their own.
 *
 * @param stored names of the secrets that the app has
 * @param given names of those that come with this change, or are removed by it
 * @throws HubError ERR_INVALID_VALUE that names each secret that is missing
 */
export function refuseWithoutSecrets(
  before: AppRecord,
  after: AppRecord,
  { stored, given }: { stored: readonly string[]; given: readonly string[] },
): void {
  if (isDeepStrictEqual(before.config, after.config)) return
  const missing = stored.filter((name) => !given.includes(name))
  if (missing.length === 0) return
  throw invalid(
    missing.map((name) => ({
      pointer: `/secrets/${name}`,
      message: 'is needed again: the configuration says where it is sent',
    })),
  )
}
