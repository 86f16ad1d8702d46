/** Ends an exhaustive switch: a union member that no case handles fails the type check, or this, at run time. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`)
}
