import type { Command } from 'commander'
import { type ApprovalView, proposed } from './approvals.ts'
import { ALL, command, type MakeContext, noun, step } from './context.ts'
import { readJson, readText } from './input.ts'
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
    const items = await api.pages<AppView>('/apps', {}, ALL)
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

  command(apps, 'change <id> <file>', 'change what a JSON file names; the rest stays')
    .addHelpText('after', '\nThe file has the fields of a registration; - reads standard input')
    .action(async (id, file, options) => {
      const { api, output } = context(options)
      const app = await api.update<AppView>(`/apps/${step(id)}`, await readJson(file))
      print(
        output,
        app,
        () => `Changed ${shown(app.name)}. Test it:\n  quittance apps test ${app.id}`,
      )
    })

  command(apps, 'set-secret <id> <name>', 'give the app a secret, read from standard input')
    .option('--file <file>', 'read it from a file')
    .addHelpText('after', '\nA line end at its end is not part of it. Nobody can read it back.')
    .action(async (id, name, options) => {
      const { api, output } = context(options)
      const value = (await readText(options.file ?? '-')).replace(/\r?\n$/, '')
      await api.update(`/apps/${step(id)}`, { secrets: { [name]: value } })
      print(output, { set: name }, () => `Set ${name}. Test it:\n  quittance apps test ${id}`)
    })

  command(apps, 'remove-secret <id> <name>', 'take a secret away').action(
    async (id, name, options) => {
      const { api, output } = context(options)
      await api.update(`/apps/${step(id)}`, { secrets: { [name]: null } })
      print(output, { removed: name }, () => `Removed ${name}.`)
    },
  )

  command(apps, 'remove <id>', 'propose that the app covers nobody any more')
    .requiredOption('--reason <text>', 'why; another admin reads it')
    .option('--unreachable', 'the app is gone: nobody can list who is still in it')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const approval = await api.json<ApprovalView>('POST', '/approvals', {
        kind: 'remove-app',
        payload: { appId: id, ...(options.unreachable === true ? { unreachable: true } : {}) },
        reason: options.reason,
      })
      print(output, approval, () => proposed(approval))
    })

  command(program, 'connectors', 'kinds of application that the hub can talk to').action(
    async (options) => {
      const { api, output } = context(options)
      const items = await api.pages<{
        id: string
        version: string
        title: string
        secrets: Record<string, unknown>
      }>('/connectors', {}, ALL)
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
