import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A process of the run: it can be killed, frozen and awaited, and ends with this one. */
export interface Child {
  pid: number
  process: ChildProcess
  signal(name: NodeJS.Signals): void
  /** Resolves when it is gone, with its exit code; null after a signal. */
  ended: Promise<number | null>
  isAlive(): boolean
}

const alive = new Set<ChildProcess>()

// A frozen process does not hear SIGTERM, and nothing may outlive the run.
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts a process. Rejects nothing: who needs to know whether it runs asks it. */
export function startChild(command: string, args: readonly string[], options: SpawnOptions): Child {
  const child = spawn(command, [...args], options)
  alive.add(child)
  const ended = once(child, 'exit').then(([code]) => {
    alive.delete(child)
    return code as number | null
  })
  return {
    pid: child.pid ?? 0,
    process: child,
    signal: (name) => void child.kill(name),
    ended,
    isAlive: () => alive.has(child),
  }
}
