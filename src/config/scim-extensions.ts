import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** Steps of a path that would reach an object's prototype. */
const POISON = ['__proto__', 'constructor', 'prototype']
/** What the hub has already: an extension cannot be, nor begin like, one of these. */
const TAKEN = [
  'urn:ietf:params:scim:schemas:core:2.0:User',
  'urn:ietf:params:scim:schemas:core:2.0:Group',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
]

const characteristics = {
  // RFC 7643 §2.1, and `$ref` of §2.3.7.
  name: z
    .string()
    .regex(
      /^(\$ref|[A-Za-z][A-Za-z0-9_-]{0,63})$/,
      'must be a letter, then letters, digits, _ and -',
    )
    .refine((name) => !POISON.includes(name.toLowerCase()), 'is not allowed as a name'),
  multiValued: z.boolean().default(false),
  description: z.string().max(2_000).default(''),
  required: z.boolean().default(false),
  canonicalValues: z.array(z.string()).optional(),
  caseExact: z.boolean().default(false),
  mutability: z.enum(['readWrite', 'readOnly', 'immutable', 'writeOnly']).default('readWrite'),
  returned: z.enum(['always', 'never', 'default', 'request']).default('default'),
  uniqueness: z.literal('none', 'is not enforced for extensions: only "none"').default('none'),
  referenceTypes: z.array(z.string().min(1)).min(1).optional(),
}
const SIMPLE = [
  'string',
  'boolean',
  'decimal',
  'integer',
  'dateTime',
  'reference',
  'binary',
] as const

const list = <T extends z.ZodType<{ name: string }>>(item: T) =>
  z
    .array(item)
    .min(1)
    .max(200)
    .superRefine((attributes, context) => {
      const seen = new Set<string>()
      attributes.forEach(({ name }, index) => {
        const lower = name.toLowerCase()
        if (seen.has(lower)) {
          context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is given twice' })
        }
        seen.add(lower)
      })
    })

interface Rules {
  type: string
  mutability: string
  returned: string
  referenceTypes?: readonly string[] | undefined
}

function consistent(
  { mutability, returned, type, referenceTypes }: Rules,
  context: z.RefinementCtx,
): void {
  const fault = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message })
  if (mutability === 'writeOnly' && returned !== 'never') {
    fault('returned', 'must be "never" for a writeOnly attribute (RFC 7643 §7)')
  }
  if (type === 'reference' && referenceTypes === undefined) {
    fault('referenceTypes', 'must be given for a reference (RFC 7643 §7)')
  }
}

const simple = z.strictObject({ ...characteristics, type: z.enum(SIMPLE) }).superRefine(consistent)
const complex = z
  .strictObject({
    ...characteristics,
    type: z.literal('complex'),
    subAttributes: list(simple),
  })
  .superRefine(consistent)

const extension = z.strictObject({
  id: z
    .string()
    .regex(
      /^urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[A-Za-z0-9._:+=@;~-]{1,200}$/,
      'must be a URN, e.g. urn:example:scim:2.0:User',
    ),
  name: z.string().min(1).max(200),
  description: z.string().max(2_000).default(''),
  appliesTo: z.enum(['User', 'Group']),
  required: z.boolean().default(false),
  attributes: list(z.discriminatedUnion('type', [simple, complex])),
})

const file = z.array(extension).superRefine((extensions, context) => {
  extensions.forEach(({ id }, index) => {
    const others = [...TAKEN, ...extensions.slice(0, index).map((one) => one.id)]
    // A dot and an underscore are one in a stored name.
    const form = (urn: string): string => urn.toLowerCase().replaceAll('.', '_')
    const clash = others.find(
      (other) =>
        `${form(id)}:`.startsWith(`${form(other)}:`) ||
        `${form(other)}:`.startsWith(`${form(id)}:`),
    )
    if (clash !== undefined) {
      const message = `is, or begins like, ${clash}: a path could mean both`
      context.addIssue({ code: 'custom', path: [index, 'id'], message })
    }
  })
})

/** Declared schema extensions, all characteristics filled in. */
export type ScimExtensions = z.infer<typeof file>

/**
 * Reads a file of schema extensions.
 *
 * @returns the extensions, or the faults: each with its place in the file
 */
export function readScimExtensions(
  path: string,
): { extensions: ScimExtensions } | { faults: string[] } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return { faults: [`${path} cannot be read (${code ?? 'unknown reason'})`] }
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { faults: [`${path} is not JSON`] }
  }
  const parsed = file.safeParse(json)
  if (parsed.success) return { extensions: parsed.data }
  return {
    faults: parsed.error.issues.map(
      (issue) => `${path}: ${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`,
    ),
  }
}
