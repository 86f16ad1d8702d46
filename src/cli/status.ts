import type { Command } from 'commander'
import { command, type MakeContext } from './context.ts'
import { print, styled } from './output.ts'

interface SummaryView {
  open: number
  overdue: number
  human: number
}

/** Adds `quittance status`: exit code 0 when the hub is ready, 1 when it is not. */
export function registerStatus(program: Command, context: MakeContext): void {
  command(program, 'status', 'is the hub ready, and how much is owed?').action(async (options) => {
    const { api, output, setExitCode } = context(options)
    const response = await api.raw('/readyz')
    const ready = (await response.json()) as {
      status: string
      checks: { name: string; ready: boolean }[]
    }
    const summary = response.ok ? await api.json<SummaryView>('GET', '/summary') : undefined
    print(output, { url: api.url, ...ready, ...summary }, () => {
      const parts = ready.checks.map((c) => `${c.name} ${c.ready ? 'up' : 'DOWN'}`).join(', ')
      const head = styled(output, response.ok ? 'green' : 'red', ready.status)
      const owed =
        summary === undefined
          ? ''
          : `\n${summary.open} open, ${summary.overdue} overdue, ${summary.human} waiting for a person`
      return `${api.url}: ${head} (${parts})${owed}`
    })
    if (!response.ok) setExitCode(1)
  })
}
