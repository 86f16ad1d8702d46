import type { RevocationFilter, RevocationReader } from '../revocation/reader.ts'
import type { Revocation } from '../revocation/types.ts'
import { HubError } from '../shared/errors.ts'

/** More units than any one person has; a bound for the memory of one request. */
const MOST = 5_000
const PAGE = 500

/**
 * All revocations of one person, earliest deadline first.
 *
 * @throws HubError ERR_TOO_MANY beyond 5,000
 */
export async function personRevocations(
  revocations: Pick<RevocationReader, 'list'>,
  filter: RevocationFilter & { sourceId: string; userId: string },
): Promise<Revocation[]> {
  const all: Revocation[] = []
  let cursor: string | undefined
  do {
    const page = await revocations.list(filter, {
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    all.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined && all.length < MOST)
  if (cursor === undefined) return all
  throw new HubError('ERR_TOO_MANY', 'this person has too many revocations for one answer')
}
