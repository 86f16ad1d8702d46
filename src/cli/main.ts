#!/usr/bin/env node
import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { CliError, createApiClient } from './api-client.ts'
import { createProgram } from './program.ts'
import { createProgress } from './progress.ts'

/** Exit code for a command line that nobody understands. */
const USAGE = 2

const program = createProgram(({ json }) => ({
  api: createApiClient(process.env),
  output: {
    json: json === true,
    styled: process.stdout.isTTY === true && !process.env['NO_COLOR'],
    write: (text) => process.stdout.write(text),
  },
  env: process.env,
  progress: createProgress(process.stderr),
  setExitCode: (code) => {
    process.exitCode = code
  },
}))

// Whoever reads went away (`… | head`): nobody is left to tell, and what was begun goes on to its end and its exit code.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // It has printed what is wrong, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : USAGE
  } else if (error instanceof CliError) {
    fail(error.message, error)
  } else {
    fail(`Unexpected: ${(error as Error).message}. QUITTANCE_DEBUG=1 shows where.`, error)
  }
}

/** One sentence; where it came from only for those who ask. */
function fail(sentence: string, error: unknown): void {
  process.stderr.write(`${sentence}\n`)
  if (process.env['QUITTANCE_DEBUG']) process.stderr.write(`${inspect(error)}\n`)
  // A check that could not be made has said so itself.
  process.exitCode ||= 1
}
