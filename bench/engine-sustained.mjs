// Revocations a second from due to sealed, with so many worker processes.
import { revocationsOf } from '../src/storage/revocation-models.ts'
import { openCases } from './engine-fixture.mjs'
import { commandsBetween, commandsOf, cpuOf, sleep, sum } from './engine-parts.mjs'
import { openWorld } from './engine-world.mjs'

/** One process has the ledger too, the others are workers. */
export async function sustained(bench, { workers, people }) {
  const world = await openWorld(bench, `sustained${workers}`)
  const revocations = revocationsOf(world.connection)
  const proven = async () => {
    let polls = 0
    while ((await revocations.countDocuments({ open: true })) > 0) {
      polls += 1
      await sleep(100)
    }
    return polls
  }
  const names = (from, count) => Array.from({ length: count }, (_, n) => `p${from + n}`)
  try {
    const hubs = []
    for (let n = 0; n < workers; n += 1) {
      hubs.push(await world.startHub(n === 0 ? 'worker,ledger' : 'worker'))
    }
    // A warm process is measured: compiled code, open connections.
    const warm = Math.ceil(people / 3)
    await openCases(world, { names: names(0, warm), apps: world.apps })
    await proven()

    const before = await commandsOf(world.connection)
    const cpu = (pids) => sum(pids.map(cpuOf))
    const pids = {
      hub: hubs.map(({ pid }) => pid),
      mongod: [bench.mongod.pid],
      applications: [bench.targets.pid],
    }
    const cpuBefore = Object.fromEntries(Object.entries(pids).map(([k, p]) => [k, cpu(p)]))
    const began = performance.now()
    const total = await openCases(world, { names: names(warm, people), apps: world.apps })
    const opened = performance.now()
    const polls = await proven()
    const seconds = (performance.now() - began) / 1_000
    const commands = commandsBetween(before, await commandsOf(world.connection))
    const each = (n) => (n / total).toFixed(2)
    console.log(
      `sustained, ${workers} worker(s): ${Math.round(total / seconds)} revocations/s (${total} in ${seconds.toFixed(1)} s, of which ${((opened - began) / 1_000).toFixed(1)} s to write the cases)`,
    )
    console.log(
      `  CPU ms each: ${Object.entries(pids)
        .map(([k, p]) => `${k} ${each(cpu(p) - cpuBefore[k])}`)
        .join(', ')}`,
    )
    console.log(
      `  commands each: ${each(sum(commands.map(([, n]) => n)) - polls)}: ${commands
        .filter(([, n]) => n / total >= 0.005)
        .map(([name, n]) => `${name} ${each(n)}`)
        .join(', ')}`,
    )
    return { database: world.database, rate: total / seconds }
  } finally {
    await world.close()
  }
}
