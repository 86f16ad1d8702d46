import type { UserRecord } from './types.ts'

/** Somebody whom the provider has deleted, as their newest case remembers them. */
export interface FormerPerson {
  sourceId: string
  userId: string
  userName: string
  displayName?: string
  externalId?: string
  emails: readonly string[]
}

/** Finds people by how they are called, those who are gone from the directory too. */
export interface PeopleSearch {
  /**
   * @param prefix beginning of a user name or e-mail address, in any case, or of an external id, as it is written
   * @param limit of all that is found
   * @returns `more` when there may be others
   */
  find(
    prefix: string,
    options: { sourceIds: readonly string[]; limit: number },
  ): Promise<{ users: UserRecord[]; former: FormerPerson[]; more: boolean }>
}
