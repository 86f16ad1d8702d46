import type { SourceDialect } from '../auth/source-authenticator.ts'

/**
 * What an identity provider is forgiven. Everything here is a departure from the RFCs that real providers
 * rely on; what is not in this table is refused.
 */
export interface Dialect {
  /** `"active": "False"` for a boolean. Entra's default dialect, OneLogin templates. */
  stringBooleans: boolean
  /**
   * A value in another wrapping than its schema says: a manager as a bare id, an object for a list of one, a
   * list of one for a single value, a string for `{value}`, an empty path for none, a member by its `$ref` alone.
   * Entra, and the Microsoft validator.
   */
  looseShapes: boolean
  /** `""` clears an attribute. The Microsoft validator, templates with empty fields. */
  emptyClears: boolean
  /** A path filter that matches nothing makes the element it describes. Entra fills addresses this way. */
  createByFilter: boolean
  /** `remove` of a list with a `value`: only those elements. Entra's default dialect, JumpCloud, authentik. */
  removeByValue: boolean
  /**
   * `name.givenName` and `<URN>:department` as keys of a body (Entra's aadOptscim062020); core attributes below
   * the URN of their schema.
   */
  dottedKeys: boolean
  /** An attribute of an extension without its URN, e.g. `manager`. Older Entra. */
  unprefixedExtensions: boolean
  /** Attributes and sub-attributes that no schema declares are left out of a POST or PUT, or of a PATCH value. */
  unknownAttributes: 'ignore' | 'refuse'
  /** Missing `schemas`, or unknown URNs in it (SCIM 1.1 templates, Entra's ADSCIM group). */
  foreignSchemas: boolean
  /** More than one `primary: true` in a list: the first one stays. */
  severalPrimaries: boolean
  /** `id`, `schemas`, `meta`, `groups` echoed in a PATCH without a path. Okta's rename, authentik. */
  echoedReadOnly: boolean
  /** Filter values without quotes, and booleans in quotes. Entra. */
  looseFilterValues: boolean
  /**
   * A PATCH with a valid deactivation beside operations that cannot be used: the deactivation is done, they are
   * dropped. Entra sends both in one request, and after a refusal it may wait for hours.
   */
  leaverFirst: boolean
}

/** Something that a dialect forgives. */
export type Tolerance = keyof Dialect

const TOLERANT: Dialect = {
  stringBooleans: true,
  looseShapes: true,
  emptyClears: true,
  createByFilter: true,
  removeByValue: true,
  dottedKeys: true,
  unprefixedExtensions: true,
  unknownAttributes: 'ignore',
  foreignSchemas: true,
  severalPrimaries: true,
  echoedReadOnly: true,
  looseFilterValues: true,
  leaverFirst: true,
}

const STRICT: Dialect = {
  stringBooleans: false,
  looseShapes: false,
  emptyClears: false,
  createByFilter: false,
  removeByValue: false,
  dottedKeys: false,
  unprefixedExtensions: false,
  unknownAttributes: 'refuse',
  foreignSchemas: false,
  severalPrimaries: false,
  echoedReadOnly: false,
  looseFilterValues: false,
  leaverFirst: false,
}

/**
 * One provider speaks in several ways over one connection (Entra with and without its flag, on-demand
 * provisioning), so the tolerant dialects do not differ yet; `generic-strict` takes RFC 7644 at its word.
 */
export const DIALECTS: Readonly<Record<SourceDialect, Dialect>> = {
  okta: TOLERANT,
  entra: TOLERANT,
  generic: TOLERANT,
  'generic-strict': STRICT,
}

/** These are read for every name and value, whether they are needed or not. */
const READ_ALWAYS: ReadonlySet<string> = new Set<Tolerance>(['unprefixedExtensions'])

/**
 * The dialect, telling what it forgives. Readers look at a flag only where a request is not as the RFCs have it, so
 * that to read it is to use it: keep it so.
 *
 * @param note told of each use; a request may use one kind several times
 */
export function noting(dialect: Dialect, note: (kind: Tolerance) => void): Dialect {
  return new Proxy(dialect, {
    get: (flags, name: Tolerance) => {
      const value = flags[name]
      if ((value === true || value === 'ignore') && !READ_ALWAYS.has(name)) note(name)
      return value
    },
  })
}
