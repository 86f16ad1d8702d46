import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { command, type MakeContext, noun, step } from './context.ts'
import { print, shown, styled, table } from './output.ts'

interface AppView {
  id: string
  name: string
  connectorId: string
  class: number
  state: string
  owners: string[]
}

/** Adds `quittance apps …` and `quittance connectors`. */
export function registerApps(program: Command, context: MakeContext): void {
  const apps = noun(program, 'apps', 'registered applications')

  command(apps, 'list', 'list the apps that you may read').action(async (options) => {
    const { api, output } = context(options)
    const { items } = await api.json<{ items: AppView[] }>('GET', '/apps')
    print(output, items, () =>
      table(
        output,
        ['ID', 'NAME', 'CONNECTOR', 'CLASS', 'STATE', 'OWNERS'],
        items.map((a) => [a.id, a.name, a.connectorId, a.class, a.state, a.owners.join(', ')]),
        (cell) => (cell === 'paused' ? 'yellow' : undefined),
      ),
    )
  })

  command(apps, 'show <id>', 'show one app').action(async (id, options) => {
    const { api, output } = context(options)
    const app = await api.json('GET', `/apps/${step(id)}`)
    print(output, app, () => JSON.stringify(app, null, 2))
  })

  command(
    apps,
    'register <file>',
    'register the app that a JSON file describes; - reads standard input',
  )
    .addHelpText(
      'after',
      '\nThe file: {"name", "connectorId", "config", "secrets", "scope", "class", "owners", "allowNetworks"}',
    )
    .action(async (file, options) => {
      const { api, output } = context(options)
      const app = await api.json<AppView>('POST', '/apps', await readJson(file))
      print(
        output,
        app,
        () =>
          `Registered ${shown(app.name)} as ${app.id}. Test it:\n  quittance apps test ${app.id}`,
      )
    })

  command(apps, 'test <id>', 'test the connection; exit code 1 when a line fails').action(
    async (id, options) => {
      const { api, output, setExitCode } = context(options)
      const result = await api.json<{
        ok: boolean
        checks: { credential: string; name: string; ok: boolean; detail: string }[]
      }>('POST', `/apps/${step(id)}/test`)
      print(output, result, () =>
        result.checks
          .map((c) => {
            const mark = c.ok ? styled(output, 'green', '✔') : styled(output, 'red', '✘')
            return `${mark} ${shown(c.name)} (${c.credential}): ${shown(c.detail)}`
          })
          .join('\n'),
      )
      if (!result.ok) setExitCode(1)
    },
  )

  for (const [verb, description] of [
    ['pause', 'send nothing more to the app; its revocations stay due and their clocks run'],
    ['resume', 'work on the app again'],
  ] as const) {
    command(apps, `${verb} <id>`, description).action(async (id, options) => {
      const { api, output } = context(options)
      const app = await api.json<AppView>('POST', `/apps/${step(id)}/${verb}`)
      print(output, app, () => `${shown(app.name)} is ${app.state}.`)
    })
  }

  command(program, 'connectors', 'kinds of application that the hub can talk to').action(
    async (options) => {
      const { api, output } = context(options)
      const { items } = await api.json<{
        items: { id: string; version: string; title: string; secrets: Record<string, unknown> }[]
      }>('GET', '/connectors')
      print(output, items, () =>
        table(
          output,
          ['ID', 'VERSION', 'SECRETS', 'TITLE'],
          items.map((c) => [c.id, c.version, Object.keys(c.secrets).join(', '), c.title]),
        ),
      )
    },
  )
}

async function readJson(file: string): Promise<unknown> {
  try {
    const chunks: Buffer[] = []
    if (file === '-') for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    const text =
      file === '-' ? Buffer.concat(chunks).toString('utf8') : await readFile(file, 'utf8')
    return JSON.parse(text)
  } catch (error) {
    throw new CliError(`${file} cannot be read as JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
