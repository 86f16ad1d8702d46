import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import { idField, present } from './fields.ts'

/** Paging of what is registered: a few, and all of them unless a `limit` is given. */
export const registryQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).optional(),
  cursor: z.string().max(512).optional(),
})

/**
 * One page in the order of ids, which is that of registration where the hub makes the ids.
 *
 * @throws HubError ERR_INVALID_CURSOR
 */
export function registryPage<T extends { id: string }>(
  all: readonly T[],
  { limit = all.length, cursor }: z.infer<typeof registryQuery>,
): { items: T[]; nextCursor?: string } {
  const after = cursor === undefined ? '' : idAt(cursor)
  const ordered = all.filter(({ id }) => id > after).sort((a, b) => (a.id < b.id ? -1 : 1))
  const items = ordered.slice(0, limit)
  const nextCursor = ordered.length > limit ? cursorAt(items.at(-1)?.id ?? '') : undefined
  return { items, ...present({ nextCursor }) } as { items: T[]; nextCursor?: string }
}

const cursorAt = (id: string): string => Buffer.from(id).toString('base64url')

function idAt(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (idField.safeParse(id).success && cursorAt(id) === cursor) return id
  throw new HubError('ERR_INVALID_CURSOR', 'the cursor is none of ours')
}
