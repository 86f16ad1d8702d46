#!/usr/bin/env node
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

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // It has printed what is wrong, or the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : USAGE
  } else if (error instanceof CliError) {
    process.stderr.write(`${error.message}\n`)
    // A check that could not be made has said so itself.
    process.exitCode ||= 1
  } else throw error
}
