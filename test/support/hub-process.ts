import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PROCESS_FLAGS } from '../../src/process-flags.ts'

/** The hub as operators run it: compiled, in a process of its own, so that it can be killed. */
export interface HubProcess {
  /** `http://127.0.0.1:<port>` */
  origin: string
  pid: number
  /** All lines it printed so far. */
  output: string[]
  /** SIGKILL: no handler runs, nothing is flushed. */
  killNine(): Promise<void>
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number | null>
}

/** Starts the hub and waits until it is ready; rejects with what it printed when it ends before that. */
export async function startHubProcess(env: Record<string, string>): Promise<HubProcess> {
  const child = spawn(process.execPath, [...PROCESS_FLAGS, 'dist/src/main.js'], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  const ended = once(child, 'exit') as Promise<[number | null]>
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line))
  const origin = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(line)
      const found = /(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    ended.then(([code]) => {
      reject(new Error(`the hub ended with ${code}:\n${output.join('\n')}`))
    }, reject)
  })
  return {
    origin,
    pid: child.pid ?? 0,
    output,
    killNine: () => end(child, 'SIGKILL', ended).then(() => {}),
    terminate: () => end(child, 'SIGTERM', ended),
  }
}

async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
  ended: Promise<[number | null]>,
): Promise<number | null> {
  child.kill(signal)
  const [code] = await ended
  return code
}
