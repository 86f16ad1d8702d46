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

/** A long turn is seen whole whenever the look is due; looking at every turn would itself be all that is done. */
const LOOK_EVERY_MS = 1

/**
 * Looks at the turns of the event loop while `work` is under way.
 *
 * @returns what came of it, and the CPU time of the longest turn in ms, up to a look too much: so long did everybody
 *   else wait, on a machine that has nothing else to do
 */
export async function longestTurn<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  let isUnderWay = true
  let ms = 0
  let last = cpuMs()
  const turn = (): void => {
    const now = cpuMs()
    ms = Math.max(ms, now - last)
    last = now
    if (isUnderWay) setTimeout(turn, LOOK_EVERY_MS)
  }
  setTimeout(turn, LOOK_EVERY_MS)
  try {
    const result = await work()
    turn()
    return { result, ms }
  } finally {
    isUnderWay = false
  }
}
