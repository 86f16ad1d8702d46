import { z } from 'zod'

/**
 * What the fields of ledger entries are made of. ASCII strings, safe integers, no null, no floats, instants as
 * `YYYY-MM-DDTHH:MM:SS.mmmZ`: five implementations of RFC 8785 then agree on the bytes. No personal data:
 * what names a person is a commitment (see commitment.ts) or an opaque id, whose meaning is in the erasable part
 * of the database.
 */
export const at = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
/** Opaque ids. No `@`: an e-mail address is none. */
export const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/)
/** SHA-256, hex. */
export const hash = z.string().regex(/^[0-9a-f]{64}$/)
/** 32 bytes, base64url: see `commit`. */
export const commitment = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
export const count = z.int().min(0)
export const facet = z.string().regex(/^[a-z_]{1,32}$/)
export const word = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)

/** In every entry; `log` is the origin. */
export const envelope = { at, log: id, v: z.literal(1) } as const
