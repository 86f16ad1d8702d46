import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A machine of its own as far as the network is concerned, on a switch with the others. */
export interface Host {
  address: string
  /** Words in front of a command that shall run there. */
  prefix: readonly string[]
  /** Takes its cable out: packets vanish, and nobody gets an error. */
  unplug(): Promise<void>
  plug(): Promise<void>
}

const BRIDGE = 'chaos0'
const NETWORK = '10.77.0'

/** Can this kernel and this user make network namespaces? */
export const canIsolate = (): boolean =>
  spawnSync('unshare', ['-rn', 'ip', 'link', 'add', BRIDGE, 'type', 'bridge'], { stdio: 'ignore' })
    .status === 0

/**
 * Hosts on one switch, which itself is in the namespace of this process: it must be root there (`unshare -rn`). All
 * of it is gone with the process.
 */
export async function startHosts(
  count: number,
): Promise<{ hosts: Host[]; close(): Promise<void> }> {
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge'])
  await run('ip', ['link', 'set', BRIDGE, 'up'])
  await run('ip', ['address', 'add', `${NETWORK}.254/24`, 'dev', BRIDGE])
  // A namespace lives as long as a process in it; this one ends with its standard input.
  const keepers = Array.from({ length: count }, () =>
    spawn('unshare', ['-n', 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  await Promise.all(keepers.map((keeper) => once(keeper.stdout, 'data')))
  const hosts = keepers.map(({ pid }, index): Host => {
    const near = `port${index}`
    return {
      address: `${NETWORK}.${index + 1}`,
      prefix: ['nsenter', '-t', String(pid), '-n'],
      unplug: async () => void (await run('ip', ['link', 'set', near, 'nomaster'])),
      plug: async () => void (await run('ip', ['link', 'set', near, 'master', BRIDGE])),
    }
  })
  for (const [index, { address, prefix, plug }] of hosts.entries()) {
    const pid = String(keepers[index]?.pid)
    const near = `port${index}`
    const [enter = '', ...into] = prefix
    const inside = (...args: string[]) => run(enter, [...into, 'ip', ...args])
    await run('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid])
    await run('ip', ['link', 'set', near, 'up'])
    await plug()
    await inside('address', 'add', `${address}/24`, 'dev', 'eth0')
    await inside('link', 'set', 'eth0', 'up')
    await inside('link', 'set', 'lo', 'up')
  }
  return {
    hosts,
    close: async () => {
      for (let n = 0; n < count; n += 1) await run('ip', ['link', 'delete', `port${n}`])
      await run('ip', ['link', 'delete', BRIDGE])
      for (const keeper of keepers) keeper.stdin.end()
    },
  }
}
