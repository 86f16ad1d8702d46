// What a hub of all roles costs when nothing is due.
import { commandsBetween, commandsOf, cpuOf, sleep, sum } from './engine-parts.mjs'
import { openWorld } from './engine-world.mjs'

/** Starting up and the first looks; and compiling, which goes on for as long as code is new. */
const SETTLE_MS = 60_000

export async function idleCost(bench, { seconds }) {
  const world = await openWorld(bench, 'idle')
  try {
    const { pid } = await world.startHub('web,worker,ledger')
    await sleep(SETTLE_MS)
    const before = await commandsOf(world.connection)
    const cpu = cpuOf(pid)
    await sleep(seconds * 1_000)
    const used = cpuOf(pid) - cpu
    const commands = commandsBetween(before, await commandsOf(world.connection))
    const rate = (n) => (n / seconds).toFixed(2)
    console.log(
      `idle: ${rate(sum(commands.map(([, n]) => n)))} commands/s (${commands.map(([name, n]) => `${name} ${rate(n)}`).join(', ')}), ${(used / seconds / 10).toFixed(2)} % CPU`,
    )
  } finally {
    await world.close()
  }
}
