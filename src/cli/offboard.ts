import type { Command } from 'commander'
import { CliError } from './api-client.ts'
import { command, given, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { print, shortTime, table } from './output.ts'

interface PlannedView {
  appName: string
  facet: string
  class: number
  deadlineAt: string
  how: string
  reversible: boolean
  exempt: boolean
  paused: boolean
  owners: string[]
}

interface LeaveView {
  id: string
  sourceId: string
  userId: string
  effectiveAt: string
  forCause: boolean
  state: string
  offboardingId?: string
}

/** Adds `quittance offboard …`: somebody leaves, and the provider does not say so. */
export function registerOffboard(program: Command, context: MakeContext): void {
  const offboard = noun(program, 'offboard', 'revoke all access of a person, now or at a time')

  command(offboard, 'preview <source> <user>', 'what would be revoked? Nothing is changed')
    .option('--for-cause', 'deadlines of the next higher class')
    .action(async (sourceId, userId, options) => {
      const { api, output } = context(options)
      const body = { sourceId, userId, forCause: options.forCause === true }
      const plan = await api.json<{ revocations: PlannedView[] }>(
        'POST',
        '/offboardings/preview',
        body,
      )
      print(output, plan, () =>
        table(
          output,
          ['APP', 'FACET', 'HOW', 'CLASS', 'DEADLINE', 'OWNER', 'NOTE'],
          plan.revocations.map((r) => [
            r.appName,
            r.facet,
            r.how,
            r.class,
            shortTime(r.deadlineAt),
            r.owners.join(', '),
            [
              r.exempt ? 'exempt' : '',
              r.paused ? 'app is paused' : '',
              r.reversible ? '' : 'cannot be undone',
            ]
              .filter(Boolean)
              .join(', '),
          ]),
          (cell) => (cell.includes('cannot') || cell === 'manual' ? 'yellow' : undefined),
        ),
      )
    })

  command(offboard, 'now <source> <user>', 'revoke all access of a person now')
    .option('--for-cause', 'deadlines of the next higher class')
    .action(async (sourceId, userId, options) => {
      const { api, output } = context(options)
      const body = { sourceId, userId, forCause: options.forCause === true }
      const made = await api.json<{ id: string }>('POST', '/offboardings', body)
      print(
        output,
        made,
        () => `Opened ${made.id}. Watch it:\n  quittance offboardings show ${made.id}`,
      )
    })

  command(offboard, 'add-app <case> <app>', 'add an app to an open case')
    .requiredOption('--reason <text>', 'why it was not there when the case was opened')
    .action(async (id, appId, options) => {
      const { api, output } = context(options)
      const body = { appId, reason: options.reason }
      const path = `/offboardings/${step(id)}/apps`
      const made = await api.json<{ added: number; expected: { count: number } }>(
        'POST',
        path,
        body,
      )
      print(
        output,
        made,
        () =>
          `Added ${made.added}; the case now expects ${made.expected.count}. Watch it:\n  quittance offboardings show ${id}`,
      )
    })

  command(offboard, 'schedule <source> <user> <time>', 'revoke all access of a person at a time')
    .option('--for-cause', 'deadlines of the next higher class')
    .addHelpText('after', '\n<time> has a zone: 2026-12-31T17:00:00Z or 2026-12-31T18:00:00+01:00')
    .action(async (sourceId, userId, time, options) => {
      const { api, output } = context(options)
      const effectiveAt = instant(time)
      const body = { sourceId, userId, effectiveAt, forCause: options.forCause === true }
      const leave = await api.json<LeaveView>('POST', '/leaves', body)
      print(
        output,
        leave,
        () =>
          `Planned for ${shortTime(leave.effectiveAt)} UTC. Take it back:\n  quittance offboard cancel ${leave.id}`,
      )
    })

  command(offboard, 'planned', 'list planned departures, soonest first')
    .option('--source <id>')
    .option('--state <state>', 'scheduled, opened, cancelled or void')
    .option('--max <n>', 'how many', wholeNumber, 50)
    .action(async (options) => {
      const { api, output } = context(options)
      const { source, state } = options
      const items = await api.pages<LeaveView>('/leaves', given({ source, state }), options.max)
      print(output, items, () =>
        table(
          output,
          ['PLAN', 'PERSON', 'AT (UTC)', 'STATE', 'CASE'],
          items.map((l) => [
            l.id,
            `${l.sourceId}/${l.userId}`,
            shortTime(l.effectiveAt),
            l.state,
            l.offboardingId,
          ]),
        ),
      )
    })

  command(offboard, 'cancel <plan>', 'take a planned departure back').action(
    async (id, options) => {
      const { api, output } = context(options)
      await api.json('DELETE', `/leaves/${step(id)}`)
      print(output, { cancelled: id }, () => 'Taken back.')
    },
  )
}

/** What a person typed as a time, for the API. @throws CliError when the zone is missing or it is no time */
export function instant(text: string): string {
  const at = Date.parse(text)
  if (Number.isNaN(at) || !/(Z|[+-]\d\d:?\d\d)$/.test(text)) {
    throw new CliError(`${text} is no time with a zone, such as 2026-12-31T17:00:00Z`)
  }
  return new Date(at).toISOString()
}
