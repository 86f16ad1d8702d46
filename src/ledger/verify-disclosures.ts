import type { Disclosure } from './certificate-format.ts'
import { opens } from './commitment.ts'
import { commitmentsOf } from './disclosures.ts'
import type { EntryBody } from './entries.ts'
import { idOfBody } from './entry-id.ts'
import { Refused } from './verify-files.ts'

/** Every disclosed field must open the commitment that stands in its entry. */
export function checkDisclosures(
  disclosures: readonly Disclosure[],
  bodies: readonly EntryBody[],
): void {
  const known = new Map(
    bodies.flatMap((body) =>
      commitmentsOf(body).map(({ path, commitment }) => [`${idOfBody(body)}|${path}`, commitment]),
    ),
  )
  for (const { entry, path, key, bytes } of disclosures) {
    const field = `${entry}|${path}`
    const commitment = known.get(field)
    // Deleted when used: a field is disclosed once.
    known.delete(field)
    if (commitment === undefined) {
      throw new Refused('disclosures', `${entry} commits to nothing, or not again, at ${path}`)
    }
    if (!opens(commitment, Buffer.from(key, 'base64url'), Buffer.from(bytes, 'base64'))) {
      throw new Refused('disclosures', `${path} of ${entry} was something else`)
    }
  }
}

/** The text of one disclosed field. */
export function disclosedText(
  disclosures: readonly Disclosure[],
  entry: string,
  path: string,
): string | undefined {
  const found = disclosures.find((d) => d.entry === entry && d.path === path)
  return found === undefined ? undefined : Buffer.from(found.bytes, 'base64').toString()
}
