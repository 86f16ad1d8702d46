#!/usr/bin/env node
import { CliError, createApiClient } from './api-client.ts'
import { createProgram } from './program.ts'
import { createProgress } from './progress.ts'

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
  if (!(error instanceof CliError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
