import type { Standing, StandingPort } from '../auth/standing.ts'
import { EMAIL, USER_NAME } from '../directory/identifiers.ts'
import type { Filter } from '../directory/query.ts'
import type { DirectoryStore } from '../directory/store.ts'

/**
 * Looks the hub's own users up in the directory of one source, by user name or e-mail address. One look-up at each
 * request: who is deactivated there is out at once.
 */
export function createStanding(
  directory: Pick<DirectoryStore, 'user' | 'listUsers'>,
  sourceId: string,
): StandingPort {
  return {
    standingOf: async (person, linked): Promise<Standing> => {
      if (linked !== undefined) {
        const user = await directory.user(linked.sourceId, linked.userId)
        return user?.active === true ? { kind: 'active', linked } : { kind: 'gone' }
      }
      const filter: Filter = {
        kind: 'or',
        of: [USER_NAME, EMAIL].map((path) => ({
          kind: 'compare',
          path,
          operator: 'eq',
          value: person,
        })),
      }
      const page = { kind: 'index', startIndex: 1, count: 10 } as const
      const { items } = await directory.listUsers(sourceId, { filter, page })
      if (items.length === 0) return { kind: 'unknown' }
      const active = items.find((user) => user.active)
      return active === undefined
        ? { kind: 'gone' }
        : { kind: 'active', linked: { sourceId, userId: active.id } }
    },
  }
}
