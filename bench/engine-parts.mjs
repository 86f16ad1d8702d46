// What the benches of the engine are made of: processes, the server's own counts, numbers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { PROCESS_FLAGS } from '../src/process-flags.ts'

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const here = (file) => fileURLToPath(new URL(file, import.meta.url))

/** A hub process with these roles; `profile` is a folder for its CPU profile. */
export async function startHub({ env, profile }) {
  const child = spawn(
    process.execPath,
    [
      ...(profile ? ['--cpu-prof', '--cpu-prof-interval=2000', `--cpu-prof-dir=${profile}`] : []),
      ...PROCESS_FLAGS,
      here('engine-hub.mjs'),
    ],
    { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return {
    origin: line,
    pid: child.pid,
    stop: async () => {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

/** The applications: their addresses, and when they were first called for each person. */
export async function startTargets(apps) {
  const child = spawn(process.execPath, [here('engine-target.mjs'), String(apps)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const [ports] = await once(lines, 'line')
  return {
    pid: child.pid,
    urls: JSON.parse(ports).map((port) => `http://127.0.0.1:${port}`),
    forget: () => child.stdin.write('{"reset":true}\n'),
    /** One Map per app: person → ms since the epoch. */
    firstCalls: async () => {
      child.stdin.write('{"first":true}\n')
      const [line] = await once(lines, 'line')
      return JSON.parse(line).map((pairs) => new Map(pairs))
    },
    close: () => child.stdin.end(),
  }
}

/** CPU that a process has used so far, its threads included; ms. */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  // utime and stime, in ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const MONITORING = new Set(['hello', 'isMaster', 'serverStatus', 'ping', 'endSessions'])

/** How often each command ran on the server since it started, but for the driver's monitoring. */
export async function commandsOf(connection) {
  const { metrics } = await connection.getClient().db('admin').command({ serverStatus: 1 })
  const ran = Object.entries(metrics.commands).filter(
    ([name, { total }]) => Number(total) > 0 && !MONITORING.has(name) && !name.startsWith('_'),
  )
  return new Map(ran.map(([name, { total }]) => [name, Number(total)]))
}

/** Differences of two such counts, the most frequent first. */
export const commandsBetween = (before, after) =>
  [...after]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)])
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])

export const sum = (numbers) => numbers.reduce((total, n) => total + n, 0)

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}

export async function inParallel(width, items, work) {
  const results = new Array(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const index = next
      next += 1
      results[index] = await work(items[index])
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}
