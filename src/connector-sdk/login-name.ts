import { z } from 'zod'
import type { Match, Subject } from './contract.ts'

/** From what a person's login name is made, in systems that know nothing else of them. */
export const LOGIN_SOURCES = ['userName', 'localPart', 'externalId'] as const

/** Fields of a configuration that say how login names follow from people. */
export const loginSettings = {
  loginFrom: z.array(z.enum(LOGIN_SOURCES)).min(1).default(['userName']).meta({
    title: 'What the login name is',
    description: 'localPart: what stands before the @ of the user name.',
  }),
  localPartIsExact: z.boolean().default(false).meta({
    title: 'The part before the @ identifies a person here',
    description: 'Otherwise a match by it alone goes to a person.',
  }),
  protectedLogins: z.array(z.string()).default([]).meta({
    title: 'Logins never to be touched',
    description: 'Break-glass accounts: a person must decide. The hub adds its own.',
  }),
}

export interface LoginSettings {
  loginFrom: readonly (typeof LOGIN_SOURCES)[number][]
  localPartIsExact: boolean
  protectedLogins: readonly string[]
}

/** The names to look for, folded, without repeats; may be empty when the person has none of the keys. */
export function loginNames(subject: Subject, { loginFrom }: LoginSettings): string[] {
  const names = loginFrom.map((source) => nameFrom(subject, source))
  return [...new Set(names.filter((name) => name !== undefined))]
}

/**
 * Is this login the person's? Compared on our side without regard to case: `Jane` beside `jane` is a second match,
 * and a person decides.
 */
export function matchLogin(
  subject: Subject,
  login: string,
  { loginFrom, localPartIsExact }: LoginSettings,
): Pick<Match, 'strength' | 'matchedOn'> | undefined {
  const hits = loginFrom.filter((source) => nameFrom(subject, source) === foldLogin(login))
  const strong = hits.find((source) => source !== 'localPart' || localPartIsExact)
  if (strong !== undefined) return { strength: 'exact', matchedOn: strong }
  return hits.length === 0 ? undefined : { strength: 'weak', matchedOn: 'localPart' }
}

/** The form in which login names are compared. */
export function foldLogin(login: string): string {
  return login.normalize('NFC').toLowerCase()
}

function nameFrom(
  { userName, externalId }: Subject,
  source: (typeof LOGIN_SOURCES)[number],
): string | undefined {
  switch (source) {
    case 'userName':
      return foldLogin(userName)
    case 'localPart': {
      const local = userName.split('@')[0] ?? ''
      return local === '' ? undefined : foldLogin(local)
    }
    case 'externalId':
      return externalId === undefined ? undefined : foldLogin(externalId)
  }
}
