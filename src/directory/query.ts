import type { Instant } from '../shared/clock.ts'

/** An attribute resolved against the schemas: canonical spelling, and how to compare it. */
export interface AttributePath {
  /** URN of the extension; absent for core attributes. */
  extension?: string
  attribute: string
  sub?: string
  type:
    | 'string'
    | 'boolean'
    | 'integer'
    | 'decimal'
    | 'dateTime'
    | 'reference'
    | 'binary'
    | 'complex'
  /** Strings only: compare byte for byte, or without regard to case (RFC 7643 §2.2). */
  caseExact: boolean
  multiValued: boolean
}

export type ComparisonOperator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le'

/**
 * A filter (RFC 7644 §3.4.2.2), resolved and bounded: at most 32 levels deep and 200 comparisons.
 * Dates are already instants.
 */
export type Filter =
  /** `and` of nothing matches always, `or` of nothing never. */
  | { kind: 'and' | 'or'; of: readonly Filter[] }
  | { kind: 'not'; of: Filter }
  | { kind: 'present'; path: AttributePath }
  | {
      kind: 'compare'
      path: AttributePath
      operator: ComparisonOperator
      value: string | number | boolean | null | { instant: Instant }
    }
  /** One element of a multi-valued complex attribute fulfils `where`; paths inside are relative to the element. */
  | { kind: 'element'; path: AttributePath; where: Filter }

export interface ListQuery {
  filter?: Filter
  sortBy?: AttributePath
  /** Default ascending. */
  descending?: boolean
  /** Index paging: 1-based, already clamped. Cursor paging: an opaque cursor, or '' for the first page. */
  page:
    | { kind: 'index'; startIndex: number; count: number }
    | { kind: 'cursor'; cursor: string; count: number }
}
