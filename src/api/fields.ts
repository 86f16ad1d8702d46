import { z } from 'zod'
import { type Instant, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'

/** Ids that the hub makes, or an operator chose: what may stand in a path. */
export const idField = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'is not an id')

/** Lower-case letters, digits and `-`: it is part of the SCIM base URL. */
export const sourceIdField = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'may hold lower-case letters, digits and -, at most 63')

/** A name for people: printable, trimmed, one line. */
export const nameField = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters')
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be one line of text')

/** An instant in an answer: `YYYY-MM-DDTHH:MM:SS.mmmZ`. */
export const instantField = z.string().meta({ format: 'date-time' })

/** `{from: 5}` → `{from: '1970-…'}`; an absent instant stays absent. */
export function instants<K extends string>(
  values: Record<K, Instant | undefined>,
): { [P in K]?: string } {
  const shown: { [P in K]?: string } = {}
  for (const [name, at] of Object.entries(values) as [K, Instant | undefined][]) {
    if (at !== undefined) shown[name] = iso(at)
  }
  return shown
}

/** Drops the keys whose value is undefined: an optional property is absent, not empty. */
export function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(value).filter(([, content]) => content !== undefined),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

/** Paging by an opaque cursor, for every list that can grow. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(512).optional(),
}

/** A page of an endless list. `nextCursor` is absent on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().optional() })
}

/** The strong ETag of a version. */
export const etagOf = (version: number): string => `"${version}"`

/**
 * The version that the caller insists on.
 *
 * @throws HubError ERR_PRECONDITION_REQUIRED without If-Match, ERR_PRECONDITION when it can never match
 * @see RFC 9110 §13.1.1, RFC 6585 §3
 */
export function versionOf(ifMatch: string | undefined): number {
  if (ifMatch === undefined) {
    throw new HubError(
      'ERR_PRECONDITION_REQUIRED',
      'read the resource first and send its ETag as If-Match',
    )
  }
  const version = /^"(\d{1,15})"$/.exec(ifMatch.trim())?.[1]
  if (version === undefined) throw stale()
  return Number(version)
}

/** Somebody changed the resource since the caller read it. */
export function stale(): HubError {
  return new HubError(
    'ERR_PRECONDITION',
    'the resource has changed since you read it; read it again',
  )
}
