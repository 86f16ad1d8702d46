import type { Command } from 'commander'
import { ALL, command, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { type Output, print, shortTime, styled, table } from './output.ts'
import { registerSourceCredentials } from './source-credentials.ts'

interface SourceView {
  id: string
  name: string
  dialect: string
  scimBaseUrl: string
  lastSeenAt?: string
  tokens: SecretView[]
  clientSecrets: SecretView[]
  issuers: { id: string; issuer: string; audience: string; lastUsedAt?: string }[]
  allowedNetworks: string[]
}

interface SecretView {
  id: string
  prefix: string
  createdAt: string
  expiresAt?: string
  lastUsedAt?: string
}

/** Adds `quittance sources …`. */
export function registerSources(program: Command, context: MakeContext): void {
  const sources = noun(program, 'sources', 'identity providers and their tokens')

  command(sources, 'list', 'list all sources').action(async (options) => {
    const { api, output } = context(options)
    const items = await api.pages<SourceView>('/sources', {}, ALL)
    print(output, items, () =>
      table(
        output,
        ['ID', 'NAME', 'DIALECT', 'TOKENS', 'LAST SEEN', 'SCIM ADDRESS'],
        items.map((s) => [
          s.id,
          s.name,
          s.dialect,
          s.tokens.length,
          shortTime(s.lastSeenAt) || 'never',
          s.scimBaseUrl,
        ]),
      ),
    )
  })

  command(sources, 'show <id>', 'show one source and its tokens').action(async (id, options) => {
    const { api, output } = context(options)
    const source = await api.json<SourceView>('GET', `/sources/${step(id)}`)
    print(output, source, () =>
      [
        `${source.id}  ${source.dialect}  ${source.scimBaseUrl}`,
        `may call from ${source.allowedNetworks.join(', ') || 'everywhere'}`,
        '',
        secretTable(output, 'TOKEN', source.tokens),
        ...(source.clientSecrets.length === 0
          ? []
          : ['', secretTable(output, 'CLIENT SECRET', source.clientSecrets)]),
        ...(source.issuers.length === 0
          ? []
          : [
              '',
              table(
                output,
                ['ISSUER', 'AUDIENCE', 'ID', 'LAST USED'],
                source.issuers.map((i) => [
                  i.issuer,
                  i.audience,
                  i.id,
                  shortTime(i.lastUsedAt) || 'never',
                ]),
              ),
            ]),
      ].join('\n'),
    )
  })

  command(sources, 'create <id>', 'create a source; its token is shown once')
    .requiredOption('--dialect <dialect>', 'okta, entra, generic or generic-strict')
    .option('--name <name>', 'name for people')
    .option('--expires-in-days <days>', 'life of the token', wholeNumber)
    .action(async (id, options) => {
      const { api, output } = context(options)
      const made = await api.json<{ scimBaseUrl: string; token: string }>('POST', '/sources', {
        id,
        name: options.name ?? id,
        dialect: options.dialect,
        ...(options.expiresInDays === undefined ? {} : { expiresInDays: options.expiresInDays }),
      })
      print(
        output,
        made,
        () =>
          `Paste both into the identity provider. The token is not shown again.\n\n` +
          `${styled(output, 'bold', 'SCIM address')}  ${made.scimBaseUrl}\n` +
          `${styled(output, 'bold', 'Token')}         ${made.token}`,
      )
    })

  command(sources, 'new-token <id>', 'rotate: make a further token; the old ones go on working')
    .alias('rotate-token')
    .option('--expires-in-days <days>', 'life of the token', wholeNumber)
    .action(async (id, options) => {
      const { api, output } = context(options)
      const made = await api.json<{ tokenId: string; token: string }>(
        'POST',
        `/sources/${step(id)}/tokens`,
        options.expiresInDays === undefined ? {} : { expiresInDays: options.expiresInDays },
      )
      print(
        output,
        made,
        () =>
          `${made.token}\n\nIt is not shown again. Give it to the provider, then delete the old one:\n` +
          `  quittance sources show ${id}\n  quittance sources delete-token ${id} <token id>`,
      )
    })

  command(sources, 'delete-token <id> <tokenId>', 'delete a token').action(
    async (id, tokenId, options) => {
      const { api, output } = context(options)
      await api.json('DELETE', `/sources/${step(id)}/tokens/${step(tokenId)}`)
      print(
        output,
        { deleted: tokenId },
        () => 'Deleted. It is refused everywhere within a second.',
      )
    },
  )

  registerSourceCredentials(sources, context)
}

function secretTable(output: Output, heading: string, secrets: readonly SecretView[]): string {
  return table(
    output,
    [heading, 'ID', 'CREATED', 'LAST USED', 'EXPIRES'],
    secrets.map((one) => [
      `${one.prefix}…`,
      one.id,
      shortTime(one.createdAt),
      shortTime(one.lastUsedAt) || 'never',
      shortTime(one.expiresAt) || 'never',
    ]),
  )
}
