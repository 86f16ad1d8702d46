import { v7 } from 'uuid'

/** A new identifier: UUID version 7 (RFC 9562), so that the order of ids is the order of creation. */
export function newId(): string {
  return v7()
}
