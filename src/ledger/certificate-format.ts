import { z } from 'zod'

/** What is in a certificate, and under which names. Shared by the one who writes it and the one who doubts it. */
export const FORMAT = 'quittance-certificate/v1'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/)

export const manifestSchema = z.strictObject({
  created: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  /** Every other file but the manifest's signature, in order of name. */
  files: z.array(z.strictObject({ name: z.string(), sha256: hash, size: z.int().min(0) })),
  format: z.literal(FORMAT),
  offboarding: id,
  origin: id,
  tree_size: z.int().min(1),
})
export type Manifest = z.infer<typeof manifestSchema>

export const expectedSchema = z.array(
  z.strictObject({ app: id, facet: z.string(), revocation: id }),
)

/** One field of one entry, opened: the bytes, and the key under which they give the commitment. */
export const disclosuresSchema = z.array(
  z.strictObject({
    bytes: z.base64().or(z.literal('')),
    entry: id,
    key: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
    path: z.string().regex(/^[a-z_.]{1,64}$/),
  }),
)
export type Disclosure = z.infer<typeof disclosuresSchema>[number]

/** What the manifest's signature is made with: JWS, detached (RFC 7515 Appendix F), Ed25519 (RFC 9864). */
export const JWS_ALG = 'Ed25519'

export const entryName = (i: number): string => `entries/${String(i).padStart(5, '0')}.json`
export const stampName = (i: number): string => `anchors/${String(i).padStart(5, '0')}.tsr`
export const proofName = (i: number): string => `proofs/${String(i).padStart(5, '0')}.tlog-proof`

/** The only names that may occur. */
export const FILE_NAME =
  /^(?:manifest\.(?:json|jws)|checkpoint|policy|expected\.json|disclosures\.json|README\.txt|report\.html|entries\/\d{5}\.json|proofs\/\d{5}\.tlog-proof|anchors\/\d{5}\.tsr)$/

export const LIMITS = {
  /** The zip itself. */
  archive: 64 * 1024 * 1024,
  /** One file, unpacked. */
  file: 64 * 1024 * 1024,
  /** All files, unpacked. */
  total: 128 * 1024 * 1024,
  files: 20_000,
} as const
