import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { command, given, type MakeContext, noun, step } from './context.ts'
import { type Output, print, shortTime, shown, styled, table } from './output.ts'
import { type RevocationView, revocationTable } from './revocation-view.ts'

interface UserView {
  sourceId: string
  id: string
  userName?: string
  displayName?: string
  externalId?: string
  emails: string[]
  active: boolean
  deleted: boolean
}

interface StatusView extends UserView {
  status: keyof typeof SENTENCES
  counts: { open: number; overdue: number; human: number; proven: number }
  access: (RevocationView & { appName?: string })[]
  offboardings: { id: string; kind: string; state: string; openedAt: string }[]
}

const SENTENCES = {
  employed: 'Active at the provider; nothing is owed.',
  open: 'NOT GONE: access is still open.',
  residual: 'Revoked and proven, but what was issued goes on working for a while.',
  gone: 'Gone: everything is revoked and proven.',
  waived: 'Revoked; two persons have waived the rest.',
  'nothing-owed': 'Left; no registered app was in scope.',
} as const

/** Adds `quittance users …`. */
export function registerUsers(program: Command, context: MakeContext): void {
  const users = noun(program, 'users', 'people and what is known about their access')

  command(users, 'find <text>', 'find people by the beginning of user name, e-mail or external id')
    .option('--source <id>', 'in one source alone')
    .action(async (text, options) => {
      const { api, output } = context(options)
      const query = new URLSearchParams({ search: text, ...given({ source: options.source }) })
      const found = await api.json<{ items: UserView[]; truncated: boolean }>(
        'GET',
        `/users?${query}`,
      )
      print(
        output,
        found,
        () =>
          table(
            output,
            ['SOURCE', 'ID', 'USER NAME', 'NAME', 'ACTIVE'],
            found.items.map((u) => [
              u.sourceId,
              u.id,
              u.userName,
              u.displayName,
              u.active ? 'yes' : 'no',
            ]),
          ) + (found.truncated ? '\n\nThere are more; search for more letters.' : ''),
      )
    })

  command(users, 'status <name>', 'is this person gone? By user name, e-mail or external id')
    .option('--source <id>', 'in one source alone')
    .addHelpText(
      'after',
      '\nThe whole name, in any case. Exit codes: 0 gone, employed, or nothing is owed; 1 access is open, or nobody or several' +
        '\npeople have that name',
    )
    .action(async (name, options) => {
      const { api, output, setExitCode } = context(options)
      const query = new URLSearchParams({ search: name, ...given({ source: options.source }) })
      const { items } = await api.json<{ items: UserView[] }>('GET', `/users?${query}`)
      const exact = items.filter((user) => isNamed(user, name))
      const [one, ...more] = exact
      if (one === undefined || more.length > 0) {
        setExitCode(1)
        if (items.length === 0) throw new CliError(`Nobody is known by the name ${name}.`)
        // The beginning of a name is not that person: a script would take another one's state for hers.
        if (one === undefined) {
          print(output, { nobody: name, similar: items }, () =>
            [`Nobody has the name ${shown(name)}. Did you mean:`, ...choices(items)].join('\n'),
          )
        } else {
          print(output, { several: exact }, () =>
            ['Several people; name one of them:', ...choices(exact)].join('\n'),
          )
        }
        return
      }
      const path = `/users/${step(one.sourceId)}/${step(one.id)}`
      const status = await api.json<StatusView>('GET', path)
      print(output, status, () => describe(status, output))
      if (status.status === 'open') setExitCode(1)
    })

  command(users, 'timeline <source> <id>', 'what happened to the access of this person').action(
    async (source, id, options) => {
      const { api, output } = context(options)
      const path = `/users/${step(source)}/${step(id)}/timeline`
      const found = await api.json<{ items: { at: string; kind: string; text: string }[] }>(
        'GET',
        path,
      )
      print(output, found, () =>
        table(
          output,
          ['AT (UTC)', 'WHAT', ''],
          found.items.map((e) => [shortTime(e.at), e.kind, e.text]),
        ),
      )
    },
  )

  command(users, 'show <source> <id>', 'is this person gone? By id').action(
    async (source, id, options) => {
      const { api, output } = context(options)
      const status = await api.json<StatusView>('GET', `/users/${step(source)}/${step(id)}`)
      print(output, status, () => describe(status, output))
    },
  )
}

const choices = (people: readonly UserView[]): string[] =>
  people.map((u) => `  quittance users show ${u.sourceId} ${u.id}   ${shown(u.userName ?? '')}`)

function isNamed({ userName, externalId, emails }: UserView, name: string): boolean {
  const names = [userName, externalId, ...emails].map((one) => one?.toLowerCase())
  return names.includes(name.toLowerCase())
}

function describe(status: StatusView, output: Output): string {
  const colour = status.status === 'gone' ? 'green' : status.status === 'open' ? 'red' : 'yellow'
  const who = shown(status.userName ?? status.id)
  const account = status.deleted ? 'deleted at the provider' : status.active ? 'active' : 'inactive'
  const { open, overdue, human, proven } = status.counts
  return [
    `${styled(output, 'bold', who)} (${account})`,
    styled(output, status.status === 'employed' ? 'reset' : colour, SENTENCES[status.status]),
    `${open} open, ${overdue} overdue, ${human} waiting for a person, ${proven} proven`,
    '',
    revocationTable(output, status.access),
    '',
    table(
      output,
      ['CASE', 'KIND', 'STATE', 'OPENED'],
      status.offboardings.map((o) => [o.id, o.kind, o.state, shortTime(o.openedAt)]),
    ),
  ].join('\n')
}
