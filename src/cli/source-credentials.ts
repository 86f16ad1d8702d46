import type { Command } from 'commander'
import { command, given, type MakeContext, step, wholeNumber } from './context.ts'
import { readJson } from './input.ts'
import { print, styled } from './output.ts'

/** Adds client secrets, issuers, and what people change of a source. */
export function registerSourceCredentials(sources: Command, context: MakeContext): void {
  command(sources, 'change <id>', 'change name, dialect, networks or silence of a source')
    .option('--name <name>')
    .option('--dialect <dialect>')
    .option('--network <cidr...>', 'networks from which it may call')
    .option('--any-network', 'it may call from everywhere')
    .option('--silent-after-minutes <n>', 'without a call so long, it is silent', wholeNumber)
    .option('--silence-learned', 'learn from its calls when it is silent')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const { name, dialect, network, silentAfterMinutes } = options
      const source = await api.update<{ id: string }>(`/sources/${step(id)}`, {
        ...given({ name, dialect }),
        ...(network === undefined ? {} : { allowedNetworks: network }),
        ...(options.anyNetwork === true ? { allowedNetworks: [] } : {}),
        ...(silentAfterMinutes === undefined ? {} : { silentAfterMinutes }),
        ...(options.silenceLearned === true ? { silentAfterMinutes: null } : {}),
      })
      print(output, source, () => `Changed ${source.id}.`)
    })

  command(sources, 'new-client-secret <id>', 'make a secret for the token endpoint; shown once')
    .option('--expires-in-days <n>', 'its life', wholeNumber)
    .action(async (id, options) => {
      const { api, output } = context(options)
      const { expiresInDays } = options
      const made = await api.json<{ clientId: string; clientSecret: string; tokenUrl: string }>(
        'POST',
        `/sources/${step(id)}/client-secrets`,
        expiresInDays === undefined ? {} : { expiresInDays },
      )
      print(
        output,
        made,
        () =>
          'The secret is not shown again.\n\n' +
          `${styled(output, 'bold', 'Token address')}  ${made.tokenUrl}\n` +
          `${styled(output, 'bold', 'Client id')}      ${made.clientId}\n` +
          `${styled(output, 'bold', 'Client secret')}  ${made.clientSecret}`,
      )
    })

  command(sources, 'add-issuer <id> <file>', 'accept signed tokens of an issuer, from a JSON file')
    .addHelpText(
      'after',
      '\nThe file: {"issuer", "audience", "tenant", "jwksUri" or "jwks", "subject", "appId"}; - reads standard input',
    )
    .action(async (id, file, options) => {
      const { api, output } = context(options)
      const path = `/sources/${step(id)}/issuers`
      const made = await api.json<{ id: string }>('POST', path, await readJson(file))
      print(output, made, () => `Accepted as ${made.id}.`)
    })

  for (const [verb, resource] of [
    ['delete-client-secret', 'client-secrets'],
    ['delete-issuer', 'issuers'],
  ] as const) {
    command(sources, `${verb} <id> <credential>`, 'delete it, and every token got by it').action(
      async (id, credential, options) => {
        const { api, output } = context(options)
        await api.json('DELETE', `/sources/${step(id)}/${resource}/${step(credential)}`)
        print(output, { deleted: credential }, () => 'Deleted.')
      },
    )
  }
}
