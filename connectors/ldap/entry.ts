/** An entry as ldapts gives it: one value bare, several in an array, none as an empty array. */
export interface Entry {
  dn: string
  [attribute: string]: Buffer | Buffer[] | string | string[]
}

/** All values of an attribute, whose name is compared without regard to case (RFC 4512 §2.5). */
export function values(entry: Entry, attribute: string): readonly (Buffer | string)[] {
  const name = attribute.toLowerCase()
  const [, found = []] = Object.entries(entry).find(([key]) => key.toLowerCase() === name) ?? []
  return Array.isArray(found) ? found : [found]
}

/** The values as text. */
export function texts(entry: Entry, attribute: string): string[] {
  return values(entry, attribute).map(String)
}

/** The first value as text. */
export function first(entry: Entry, attribute: string): string | undefined {
  return texts(entry, attribute)[0]
}
