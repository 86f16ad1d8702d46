/**
 * Waits until `probe` returns something other than undefined or false; throws what it last threw, or that
 * it waited in vain.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  patienceMs = 60_000,
): Promise<T> {
  let last: unknown
  for (const end = Date.now() + patienceMs; Date.now() < end; ) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
      last = undefined
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw last ?? new Error(`waited ${patienceMs} ms in vain: ${what}`)
}
