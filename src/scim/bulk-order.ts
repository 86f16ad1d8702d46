import { type BrokenOperation, type BulkOperation, referencesOf } from './bulk-request.ts'

type Operation = BulkOperation | BrokenOperation

/** An operation whose turn it is. */
export interface BulkTurn {
  operation: Operation
  /** Ids that it refers to and that are not made yet: of a circle, to be added afterwards. */
  open: ReadonlySet<string>
}

/**
 * The order of a bulk request: as it was sent, but one that refers to `bulkId:x` waits for the POST of x. Where
 * nothing but circles is left, the first POST of them goes ahead. An operation counts as tried when the next one is
 * asked for.
 *
 * Bodies are searched for references once: there may be a thousand operations, each waiting for the one behind it.
 *
 * @see RFC 7644 §3.7.2
 */
export function* bulkOrder(operations: readonly Operation[]): Generator<BulkTurn> {
  const untried = new Set(operations.flatMap((one) => madeBy(one) ?? []))
  const references = operations.map((one) => referencesOf(one).filter((id) => untried.has(id)))
  const waitsFor = references.map(
    (ids, at) => ids.filter((id) => id !== operations[at]?.bulkId).length,
  )
  const waiting = new Map<string, number[]>()
  references.forEach((ids, at) => {
    for (const id of ids) {
      if (id === operations[at]?.bulkId) continue
      const others = waiting.get(id)
      if (others === undefined) waiting.set(id, [at])
      else others.push(at)
    }
  })
  const left = new Set(operations.keys())
  while (left.size > 0) {
    const at =
      first(left, (one) => waitsFor[one] === 0) ??
      first(left, (one) => operations[one]?.method === 'POST') ??
      first(left, () => true)
    const operation = at === undefined ? undefined : operations[at]
    if (at === undefined || operation === undefined) return
    left.delete(at)
    const open = new Set((references[at] ?? []).filter((id) => untried.has(id)))
    yield { operation, open }
    const made = madeBy(operation)
    if (made === undefined) continue
    untried.delete(made)
    for (const other of waiting.get(made) ?? []) waitsFor[other] = (waitsFor[other] ?? 0) - 1
  }
}

const madeBy = ({ method, bulkId }: Operation): string | undefined =>
  method === 'POST' ? bulkId : undefined

function first(left: ReadonlySet<number>, is: (at: number) => boolean): number | undefined {
  for (const at of left) if (is(at)) return at
  return undefined
}
