import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { type ApprovalView, proposed } from './approvals.ts'
import { command, given, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { instant } from './offboard.ts'
import { print, shortTime, table } from './output.ts'
import { describeRevocation, type RevocationView, revocationTable } from './revocation-view.ts'

interface OffboardingView {
  id: string
  sourceId: string
  userId: string
  kind: string
  state: string
  openedAt: string
  closedAt?: string
  subject?: { userName: string }
}

/** Adds `quittance offboardings …`, `revocations …` and `certificate`. */
export function registerRevocations(program: Command, context: MakeContext): void {
  const offboardings = noun(program, 'offboardings', 'cases of leavers and movers')

  command(offboardings, 'list', 'list cases, newest first')
    .option('--state <state>', 'open or closed')
    .option('--source <id>')
    .option('--user <id>', 'needs --source')
    .option('--max <n>', 'how many', wholeNumber, 50)
    .action(async (options) => {
      const { api, output } = context(options)
      const { state, source, user } = options
      const items = await api.pages<OffboardingView>(
        '/offboardings',
        given({ state, source, user }),
        options.max,
      )
      print(output, items, () =>
        table(
          output,
          ['CASE', 'PERSON', 'KIND', 'STATE', 'OPENED', 'CLOSED'],
          items.map((o) => [
            o.id,
            o.subject?.userName ?? `${o.sourceId}/${o.userId}`,
            o.kind,
            o.state,
            shortTime(o.openedAt),
            shortTime(o.closedAt),
          ]),
          (cell) => (cell === 'closed' ? 'green' : undefined),
        ),
      )
    })

  command(offboardings, 'show <id>', 'show one case with all of its revocations').action(
    async (id, options) => {
      const { api, output } = context(options)
      const found = await api.json<OffboardingView & { revocations: RevocationView[] }>(
        'GET',
        `/offboardings/${step(id)}`,
      )
      print(
        output,
        found,
        () =>
          `${found.id}  ${found.kind}  ${found.state}  opened ${shortTime(found.openedAt)}\n\n` +
          revocationTable(output, found.revocations),
      )
    },
  )

  command(offboardings, 'open <source> <user>', 'revoke all access of a person now')
    .option('--for-cause', 'deadlines of the next higher class')
    .action(async (source, user, options) => {
      const { api, output } = context(options)
      const made = await api.json<{ id: string }>('POST', '/offboardings', {
        sourceId: source,
        userId: user,
        forCause: options.forCause === true,
      })
      print(
        output,
        made,
        () => `Opened ${made.id}. Watch it:\n  quittance offboardings show ${made.id}`,
      )
    })

  const revocations = noun(program, 'revocations', 'units of work and proof')

  command(revocations, 'list', 'list revocations, earliest deadline first')
    .option('--overdue', 'only those past their deadline')
    .option('--state <state>', 'e.g. human, due, proven')
    .option('--reason <reason>', 'why a person must act, e.g. contradicted')
    .option('--app <id>')
    .option('--facet <facet>')
    .option('--owner <name>')
    .option('--source <id>')
    .option('--user <id>', 'needs --source')
    .option('--max <n>', 'how many', wholeNumber, 50)
    .action(async (options) => {
      const { api, output } = context(options)
      const { state, reason, app, facet, owner, source, user } = options
      const overdue = options.overdue === true ? 'true' : undefined
      const items = await api.pages<RevocationView>(
        '/revocations',
        given({ state, reason, app, facet, owner, source, user, overdue }),
        options.max,
      )
      print(output, items, () => revocationTable(output, items))
    })

  command(revocations, 'show <id>', 'show one revocation').action(async (id, options) => {
    const { api, output } = context(options)
    const found = await api.json<RevocationView>('GET', `/revocations/${step(id)}`)
    print(output, found, () => describeRevocation(output, found))
  })

  command(
    revocations,
    'retry <id>',
    'try everything open of this person in this app again, now',
  ).action(async (id, options) => {
    const { api, output } = context(options)
    const found = await api.json<RevocationView>('POST', `/revocations/${step(id)}/retry`)
    print(output, found, () => revocationTable(output, [found]))
  })

  command(revocations, 'assign <id> [person]', 'say who takes care of it; nobody: --nobody')
    .option('--nobody', 'nobody in particular; the owners stay answerable')
    .action(async (id, person, options) => {
      const { api, output } = context(options)
      if ((person === undefined) !== (options.nobody === true)) {
        throw new CliError('Name a person, or give --nobody.')
      }
      const body = { assignee: person ?? null }
      const found = await api.json<RevocationView>('POST', `/revocations/${step(id)}/assign`, body)
      print(output, found, () =>
        person === undefined ? 'Assigned to nobody.' : `Assigned to ${person}.`,
      )
    })

  command(revocations, 'attest <id>', 'say that it was done by hand. Grade C: proves nothing')
    .requiredOption('--statement <text>', 'what was done, and how you know')
    .requiredOption('--artifact <file>', 'what shows it; its hash is sent, keep the file itself')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const content = await readFile(options.artifact)
      const found = await api.json<RevocationView>('POST', `/revocations/${step(id)}/attest`, {
        statement: options.statement,
        artifact: {
          sha256: createHash('sha256').update(content).digest('hex'),
          sizeBytes: content.length,
          name: basename(options.artifact),
        },
      })
      print(output, found, () => revocationTable(output, [found]))
    })

  command(revocations, 'waive <id>', 'propose to accept the risk for a time')
    .requiredOption('--until <time>', 'at most a year ahead, with a zone: 2026-12-31T17:00:00Z')
    .requiredOption('--reason <text>', 'why; another admin reads it')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const approval = await api.json<ApprovalView>('POST', '/approvals', {
        kind: 'waive',
        payload: { revocationId: id, until: instant(options.until) },
        reason: options.reason,
      })
      print(output, approval, () => proposed(approval))
    })

  command(program, 'certificate <offboarding>', 'save the proof bundle of one case')
    .option('-o, --output <file>', 'default: <offboarding>.quittance.zip')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const content = await api.bytes(`/offboardings/${step(id)}/certificate`)
      const file = options.output ?? `${step(id)}.quittance.zip`
      await writeFile(file, content)
      print(
        output,
        { file, bytes: content.length },
        () =>
          `Saved ${file}. Verify it, offline:\n  quittance verify ${file} --key '<public key of the log>'`,
      )
    })
}
