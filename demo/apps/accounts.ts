import { randomUUID } from 'node:crypto'

/** One login of a demo application. */
export interface Account {
  id: string
  userName: string
  externalId?: string
  email: string
  displayName: string
  active: boolean
}

/** What a new account needs; the rest has defaults. */
export type Seed = Pick<Account, 'userName'> & Partial<Account>

/** The people that an application knows when nobody says otherwise. */
export const SEEDS: readonly Seed[] = [
  { userName: 'ada@example.com', externalId: 'emp-1001', displayName: 'Ada' },
  { userName: 'bo@example.com', externalId: 'emp-1002', displayName: 'Bo' },
  { userName: 'chidi@example.com', externalId: 'emp-1003', displayName: 'Chidi' },
  { userName: 'dana@example.com', externalId: 'emp-1004', displayName: 'Dana' },
]

/** Accounts with their open sessions, in memory. Disabling an account does not end its sessions: that is another act. */
export interface AccountBook {
  all(): Account[]
  byId(id: string): Account | undefined
  byUserName(userName: string): Account | undefined
  put(seed: Seed): Account
  remove(id: string): boolean
  /** A session token, or undefined when there is no such account or it is disabled. */
  signIn(userName: string): string | undefined
  /** The account behind a session token, be it disabled or not. */
  whoIs(session: string): Account | undefined
  sessionCount(id: string): number
  /** How many were ended. */
  endSessions(id: string): number
}

/** @param seeds accounts that exist at the start */
export function createAccountBook(seeds: readonly Seed[] = SEEDS): AccountBook {
  const accounts = new Map<string, Account>()
  const sessions = new Map<string, string>()
  const tokensOf = (id: string): string[] =>
    [...sessions].filter(([, owner]) => owner === id).map(([token]) => token)
  const byUserName = (userName: string): Account | undefined =>
    [...accounts.values()].find((a) => a.userName.toLowerCase() === userName.toLowerCase())
  const put = (seed: Seed): Account => {
    const account: Account = {
      email: seed.userName,
      displayName: seed.userName,
      active: true,
      ...seed,
      id: seed.id ?? randomUUID(),
    }
    accounts.set(account.id, account)
    return account
  }
  for (const seed of seeds) put(seed)
  return {
    all: () => [...accounts.values()].map((a) => ({ ...a })),
    byId: (id) => accounts.get(id),
    byUserName,
    put,
    remove: (id) => {
      for (const token of tokensOf(id)) sessions.delete(token)
      return accounts.delete(id)
    },
    signIn: (userName) => {
      const account = byUserName(userName)
      if (account === undefined || !account.active) return undefined
      const token = randomUUID()
      sessions.set(token, account.id)
      return token
    },
    whoIs: (session) => accounts.get(sessions.get(session) ?? ''),
    sessionCount: (id) => tokensOf(id).length,
    endSessions: (id) => {
      const tokens = tokensOf(id)
      for (const token of tokens) sessions.delete(token)
      return tokens.length
    },
  }
}
