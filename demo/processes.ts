import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const NODE_FLAGS = ['--disable-proto=delete', '--conditions=hub-source', '--import', 'tsx']

/** The processes of the demo: each application and the hub run on their own, as they would in real life. */
export interface Processes {
  /** Starts a program and waits for the first line on its stdout that `read` accepts. */
  start<T>(
    program: string,
    args: readonly string[],
    env: Record<string, string>,
    read: (line: string) => T | undefined,
  ): Promise<T>
  /** Runs a program to its end. */
  run(program: string, args: readonly string[]): Promise<{ code: number; output: string }>
  stopAll(): Promise<void>
}

export function createProcesses(): Processes {
  const children: ChildProcess[] = []
  return {
    async start(program, args, env, read) {
      const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      children.push(child)
      const said: string[] = []
      createInterface({ input: child.stderr }).on('line', (line) => said.push(line))
      const lines = createInterface({ input: child.stdout })
      return await new Promise((resolve, reject) => {
        lines.on('line', (line) => {
          said.push(line)
          const value = read(line)
          if (value !== undefined) resolve(value)
        })
        child.once('exit', (code) => {
          reject(new Error(`${program} ended with ${code}:\n${said.slice(-20).join('\n')}`))
        })
      })
    },

    async run(program, args) {
      const child = spawn(process.execPath, [...NODE_FLAGS, program, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          output += String(chunk)
        })
      }
      const [code] = await once(child, 'close')
      return { code: Number(code), output }
    },

    async stopAll() {
      // The hub first: it was started last and may still be talking to the applications.
      for (const child of children.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
    },
  }
}
