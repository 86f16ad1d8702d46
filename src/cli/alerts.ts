import type { Command } from 'commander'
import { command, given, type MakeContext, noun, step, wholeNumber } from './context.ts'
import { print, shortTime, table } from './output.ts'

interface AlertView {
  id: string
  rule: string
  severity: string
  title: string
  state: string
  owners: string[]
  lastAt: string
  count: number
  next: string
}

/** Adds `quittance alerts …`. */
export function registerAlerts(program: Command, context: MakeContext): void {
  const alerts = noun(program, 'alerts', 'what somebody must look at')

  command(alerts, 'list', 'list alerts, newest first')
    .option('--state <state>', 'open, acknowledged or resolved', 'open')
    .option('--rule <rule>', 'of one rule; docs/alerts.md has them all')
    .option('--max <n>', 'how many', wholeNumber, 50)
    .action(async (options) => {
      const { api, output } = context(options)
      const { state, rule } = options
      const items = await api.pages<AlertView>('/alerts', given({ state, rule }), options.max)
      print(output, items, () =>
        table(
          output,
          ['LAST', 'SEVERITY', 'WHAT', 'TIMES', 'OWNER', 'WHAT TO DO', 'ALERT'],
          items.map((a) => [
            shortTime(a.lastAt),
            a.severity,
            a.title,
            a.count,
            a.owners.join(', '),
            a.next,
            a.id,
          ]),
          (cell) => ({ critical: 'red', warning: 'yellow' })[cell] as 'red' | 'yellow' | undefined,
        ),
      )
    })

  command(alerts, 'acknowledge <id>', 'say that somebody is on it').action(async (id, options) => {
    const { api, output } = context(options)
    await api.json('POST', `/alerts/${step(id)}/acknowledge`)
    print(
      output,
      { acknowledged: id },
      () => 'Acknowledged. It resolves by itself when its cause is gone.',
    )
  })
}
