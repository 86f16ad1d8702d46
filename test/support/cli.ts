import { createApiClient } from '../../src/cli/api-client.ts'
import { createProgram } from '../../src/cli/program.ts'
import { SILENT } from '../../src/cli/progress.ts'

/**
 * Runs a command line as the program does, but in this process.
 *
 * @param env all that the command may see of the environment
 * @returns what it printed, and its exit code
 */
export async function runCli(
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ text: string; code: number }> {
  let text = ''
  let code = 0
  const program = createProgram(({ json }) => ({
    api: createApiClient(env),
    output: {
      json: json === true,
      styled: false,
      write: (written) => {
        text += written
      },
    },
    env,
    progress: SILENT,
    setExitCode: (given) => {
      code = given
    },
  }))
  await program.parseAsync(args, { from: 'user' })
  return { text, code }
}
