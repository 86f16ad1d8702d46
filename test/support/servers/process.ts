import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A server program that a test started. */
export interface RunningServer {
  pid: number
  /** Everything it said so far. */
  log(): string
  /** Ends it and waits for that. */
  stop(): Promise<void>
}

export interface ServerProgram {
  command: string
  args: readonly string[]
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Runs under this user and group id; default: as we do. */
  uid?: number
  /** What ends it gently; default SIGTERM. */
  stopWith?: NodeJS.Signals
}

/** Starts a program in a process group of its own and waits until `ready` holds. @throws Error with its log */
export async function startProgram(
  program: ServerProgram,
  ready: (log: string) => Promise<boolean> | boolean,
  patienceMs = 20_000,
): Promise<RunningServer> {
  const { command, args, cwd, env = process.env, uid, stopWith = 'SIGTERM' } = program
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let log = ''
  const note = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', note)
  child.stderr.on('data', note)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => {
      note(Buffer.from(String(error)))
      resolve()
    })
  })
  // A test run that is cut off must not leave servers behind.
  const reap = (): void => void child.kill('SIGKILL')
  process.once('exit', reap)
  const stop = async (): Promise<void> => {
    process.off('exit', reap)
    if (!isRunning(child)) return
    child.kill(stopWith)
    const hard = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(hard)
  }
  for (const end = Date.now() + patienceMs; ; ) {
    if (!isRunning(child)) throw new Error(`${command} ended at once: ${log}`)
    if (await ready(log)) break
    if (Date.now() > end) {
      await stop()
      throw new Error(`${command} was not ready in ${patienceMs} ms: ${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return { pid: child.pid ?? 0, log: () => log, stop }
}

const isRunning = ({ exitCode, signalCode, pid }: ChildProcess): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Where a program is; `sbin` is looked into as well. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** May tests that need this run? If not, they skip with a printed reason; with REQUIRE_SERVICES=1 that is a failure. */
export function isAvailable(service: string, missing: string | undefined): boolean {
  if (missing === undefined) return true
  const said = `tests on a real ${service} do not run: ${missing}`
  if (process.env['REQUIRE_SERVICES'] === '1') throw new Error(said)
  console.warn(said)
  return false
}

/** Servers that refuse to run as root run as nobody. Undefined when we are not root. */
export const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined

/** A directory for one server. */
export function serverDirectory(name: string, uid = NOBODY): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), `${name}-`))
  if (uid !== undefined) chownSync(path, uid, uid)
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
