import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { PROCESS_FLAGS } from '../process-flags.ts'

/** Adds `quittance start`: the hub in a process of its own, with the flags that it needs. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description('start a hub; its settings are environment variables, see .env.example')
    .action(async () => {
      // Beside this file, compiled or not.
      const main = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url))
      const flags = new Set([...PROCESS_FLAGS, ...process.execArgv])
      const hub = spawn(process.execPath, [...flags, main], { stdio: 'inherit' })
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.on(signal, () => hub.kill(signal))
      }
      const [code] = (await once(hub, 'exit')) as [number | null]
      process.exitCode = code ?? 1
    })
}
