import { readFileSync } from 'node:fs'

/**
 * CPU time of the main thread so far, in ms, from the kernel: what other processes take meanwhile is not in it. Where
 * there is no such file, that of all threads.
 */
function cpuMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ', 1)[0]) / 1e6
  } catch {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  }
}

/**
 * Looks at every turn of the event loop while `work` is under way.
 *
 * @returns what came of it, and the CPU time of the longest turn in ms: so long did everybody else wait, on a machine
 *   that has nothing else to do
 */
export async function longestTurn<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  let isUnderWay = true
  let ms = 0
  let last = cpuMs()
  const turn = (): void => {
    const now = cpuMs()
    ms = Math.max(ms, now - last)
    last = now
    if (isUnderWay) setImmediate(turn)
  }
  setImmediate(turn)
  try {
    const result = await work()
    await new Promise((resolve) => setImmediate(resolve))
    return { result, ms }
  } finally {
    isUnderWay = false
  }
}
