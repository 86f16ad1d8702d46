import type { AppScope } from './types.ts'

/**
 * Could somebody whom `before` covers be left out by `after`? Groups count by their ids, whoever is in them now.
 */
export function coversLess(before: AppScope, after: AppScope): boolean {
  if (after.kind === 'everyone') {
    const sources = after.sourceIds
    if (sources === undefined) return false
    const needed =
      before.kind === 'everyone' ? before.sourceIds : before.groups.map(({ sourceId }) => sourceId)
    return needed === undefined || !needed.every((id) => sources.includes(id))
  }
  if (before.kind === 'everyone') return true
  return !before.groups.every((group) =>
    after.groups.some((g) => g.sourceId === group.sourceId && g.groupId === group.groupId),
  )
}
