import type { Seed } from './apps/accounts.ts'

export interface Person {
  /** `okta` or `entra`: which provider knows this person. */
  provider: 'okta' | 'entra'
  number: number
  userName: string
  externalId: string
  displayName: string
}

/** Twenty people in each provider, numbered from 1. */
export function people(provider: Person['provider']): Person[] {
  return Array.from({ length: 20 }, (_, i) => {
    const number = i + 1
    const label = String(number).padStart(2, '0')
    return {
      provider,
      number,
      userName: `person.${label}@${provider}.example`,
      externalId: `${provider}-${1000 + number}`,
      displayName: `Person ${label} (${provider})`,
    }
  })
}

/** The account that each of them has in a downstream application. */
export const accountOf = ({ userName, externalId, displayName }: Person): Seed => ({
  userName,
  externalId,
  displayName,
})
