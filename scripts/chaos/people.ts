/** Names that everybody in a run derives from a number: the provider, the applications, the checker. */
export const userNameOf = (person: number): string =>
  `person-${String(person).padStart(6, '0')}@chaos.example`

/** Id of a person's account in every application. */
export const accountIdOf = (person: number): string => `a${person}`

/** @returns undefined for a name that is not of this run */
export function personOf(text: string): number | undefined {
  const found = /^(?:person-0*(\d+)@chaos\.example|a(\d+))$/.exec(text)
  const digits = found?.[1] ?? found?.[2]
  return digits === undefined ? undefined : Number(digits)
}
