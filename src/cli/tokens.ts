import type { Command } from 'commander'
import { ROLES } from '../auth/principal.ts'
import { ALL, command, given, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { print, shortTime, table } from './output.ts'

interface TokenView {
  id: string
  name: string
  role: string
  person?: string
  prefix: string
  createdAt: string
  expiresAt: string
}

/** Adds `quittance tokens …`: who may use the API. */
export function registerTokens(program: Command, context: MakeContext): void {
  const tokens = noun(program, 'tokens', 'tokens for the API')

  command(tokens, 'list', 'list tokens, oldest first').action(async (options) => {
    const { api, output } = context(options)
    const items = await api.pages<TokenView>('/tokens', {}, ALL)
    print(output, items, () =>
      table(
        output,
        ['ID', 'TOKEN', 'NAME', 'ROLE', 'PERSON', 'CREATED', 'EXPIRES'],
        items.map((t) => [
          t.id,
          `${t.prefix}…`,
          t.name,
          t.role,
          t.person,
          shortTime(t.createdAt),
          shortTime(t.expiresAt),
        ]),
      ),
    )
  })

  command(tokens, 'create <name>', 'make a token; it is shown once')
    .requiredOption('--role <role>', `one of ${ROLES.join(', ')}`)
    .option('--person <address>', 'who holds it; the first admin alone may name somebody')
    .option('--program', 'for a program: it may neither propose nor decide')
    .option('--owner-name <name>', 'for owners: the name by which apps list them')
    .option('--expires-in-days <n>', 'its life', wholeNumber, 90)
    .action(async (name, options) => {
      const { api, output } = context(options)
      const { role, person, ownerName, expiresInDays } = options
      const made = await api.json<TokenView & { token: string }>('POST', '/tokens', {
        name,
        role,
        expiresInDays,
        ...given({ person, ownerName }),
        ...(options.program === true ? { program: true } : {}),
      })
      print(
        output,
        made,
        () => `${made.token}\n\nIt is not shown again. It ends ${shortTime(made.expiresAt)} UTC.`,
      )
    })

  command(tokens, 'delete <id>', 'delete a token; it is refused at once').action(
    async (id, options) => {
      const { api, output } = context(options)
      await api.json('DELETE', `/tokens/${step(id)}`)
      print(output, { deleted: id }, () => 'Deleted.')
    },
  )
}
