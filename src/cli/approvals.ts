import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { command, given, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { type Output, print, shortTime, shown, styled, table } from './output.ts'

export interface ApprovalView {
  id: string
  kind: string
  title: string
  payload: Record<string, unknown>
  about: string
  reason: string
  digest: string
  state: string
  proposedBy: { person: string }
  proposedAt: string
  expiresAt: string
  decidedBy?: { person: string }
  decisionReason?: string
}

/** Adds `quittance approvals …`: what needs a second person. */
export function registerApprovals(program: Command, context: MakeContext): void {
  const approvals = noun(program, 'approvals', 'what one person proposes and another one decides')

  command(approvals, 'list', 'list proposals, newest first')
    .option('--state <state>', 'proposed, approved, refused or withdrawn')
    .option('--kind <kind>', 'e.g. waive, exempt, remove-app, erase')
    .option('--about <id>', 'of one revocation, app, person or case')
    .option('--max <n>', 'how many', wholeNumber, 50)
    .action(async (options) => {
      const { api, output } = context(options)
      const { state, kind, about } = options
      const items = await api.pages<ApprovalView>(
        '/approvals',
        given({ state, kind, about }),
        options.max,
      )
      print(output, items, () =>
        table(
          output,
          ['PROPOSAL', 'KIND', 'ABOUT', 'BY', 'STATE', 'UNTIL'],
          items.map((a) => [
            a.id,
            a.kind,
            a.about,
            a.proposedBy.person,
            a.state,
            shortTime(a.expiresAt),
          ]),
          (cell) => (cell === 'proposed' ? 'yellow' : undefined),
        ),
      )
    })

  command(approvals, 'show <id>', 'all that would be done').action(async (id, options) => {
    const { api, output } = context(options)
    const approval = await api.json<ApprovalView>('GET', `/approvals/${step(id)}`)
    print(output, approval, () => describe(approval, output))
  })

  command(approvals, 'propose <kind> <payload>', 'propose something; another admin decides')
    .requiredOption('--reason <text>', 'why; the other one reads it')
    .option('--expires-in-hours <n>', 'how long the proposal stands', wholeNumber)
    .addHelpText(
      'after',
      '\n<payload> is JSON, by kind: docs/api.md has them all.\n' +
        '  waive {"revocationId","until"} · exempt {"sourceId","userId","appId","until"} · end-exemption {"exemptionId"}\n' +
        '  hold {"sourceId","userId","until"} · release-hold {"holdId"} · remove-app {"appId"} · lower-class {"appId","class"}\n' +
        '  narrow-scope {"appId","scope"} · resume-storm {"sourceId"} · erase {"offboardingId"}',
    )
    .action(async (kind, payload, options) => {
      const { api, output } = context(options)
      const approval = await api.json<ApprovalView>('POST', '/approvals', {
        kind,
        payload: parsed(payload),
        reason: options.reason,
        ...(options.expiresInHours === undefined ? {} : { expiresInHours: options.expiresInHours }),
      })
      print(output, approval, () => proposed(approval))
    })

  for (const [verb, path, done] of [
    ['approve <id>', 'approve', 'Approved, and done.'],
    ['refuse <id>', 'refuse', 'Refused.'],
  ] as const) {
    command(approvals, verb, path === 'approve' ? 'say yes as the second person' : 'say no')
      .requiredOption('--reason <text>', 'why')
      .option('--digest <digest>', 'of what you have read; without it, of what stands there now')
      .action(async (id, options) => {
        const { api, output } = context(options)
        const digest =
          options.digest ?? (await api.json<ApprovalView>('GET', `/approvals/${step(id)}`)).digest
        const body = { digest, reason: options.reason }
        const approval = await api.json('POST', `/approvals/${step(id)}/${path}`, body)
        print(output, approval, () => done)
      })
  }

  command(approvals, 'withdraw <id>', 'take your own proposal back')
    .requiredOption('--reason <text>', 'why')
    .action(async (id, options) => {
      const { api, output } = context(options)
      const { reason } = options
      const approval = await api.json('POST', `/approvals/${step(id)}/withdraw`, { reason })
      print(output, approval, () => 'Withdrawn.')
    })
}

/** What comes next, for the person who has proposed. */
export function proposed({ id }: Pick<ApprovalView, 'id'>): string {
  return `Proposed as ${id}. Nothing is done yet. Another admin decides:\n  quittance approvals show ${id}\n  quittance approvals approve ${id} --reason '…'`
}

function describe(approval: ApprovalView, output: Output): string {
  return [
    styled(output, 'bold', shown(approval.title)),
    `${approval.state}, proposed by ${shown(approval.proposedBy.person)} at ${shortTime(approval.proposedAt)}, stands until ${shortTime(approval.expiresAt)}`,
    `Reason: ${shown(approval.reason)}`,
    ...(approval.decidedBy === undefined
      ? []
      : [`By ${shown(approval.decidedBy.person)}: ${shown(approval.decisionReason ?? '')}`]),
    '',
    ...Object.entries(approval.payload).map(
      ([name, value]) => `  ${name}: ${shown(JSON.stringify(value))}`,
    ),
    '',
    `Digest ${approval.digest}`,
  ].join('\n')
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch (error) {
    throw new CliError('<payload> is no JSON; put it in single quotes', { cause: error })
  }
}
