import { type Command, InvalidArgumentError } from 'commander'
import type { ApiClient } from './api-client.ts'
import type { Environment } from './database.ts'
import type { Output } from './output.ts'
import type { Progress } from './progress.ts'

/** What every command works with. Made when a command runs, so that `--help` needs no hub. */
export interface Context {
  api: ApiClient
  output: Output
  /** Environment variables: what works without the API reads the hub's own settings. */
  env: Environment
  /** For long work. */
  progress: Progress
  setExitCode(code: number): void
}

export type MakeContext = (options: { json?: boolean }) => Context

/** A command of a noun, with `--json`. */
export function command(parent: Command, usage: string, description: string): Command {
  return parent.command(usage).description(description).option('--json', 'machine-readable output')
}

/** A noun: `quittance sources …`. */
export function noun(program: Command, name: string, description: string): Command {
  return program.command(name).description(description)
}

/** Parses an option that must be a whole number from 1. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('it must be a whole number from 1')
  }
  return value
}

/** Query parameters of the options that were given. */
export function given(options: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** A step of a path: what a person typed may hold anything. */
export const step = encodeURIComponent

/** How many of a list are shown that people want whole: more than anybody has. */
export const ALL = 10_000
