import type { Directory } from './directory.ts'
import { createGroupChanges } from './group-changes.ts'
import { createUserChanges, type UserChangeDeps } from './user-changes.ts'

/** Builds the door through which every change enters; see `Directory`. */
export function createDirectory(deps: UserChangeDeps): Directory {
  return { ...createUserChanges(deps), ...createGroupChanges(deps) }
}
