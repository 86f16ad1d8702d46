import { type Output, shortTime, shown, styled, table } from './output.ts'

/** A revocation as the API shows it, as far as people read it here. */
export interface RevocationView {
  id: string
  offboardingId: string
  sourceId: string
  userId: string
  appId: string
  appName?: string
  facet: string
  state: string
  reason?: string
  fault?: string
  assignee?: string
  attempts: number
  overdue: boolean
  owners: string[]
  deadlineAt: string
  openedAt: string
  verdict?: { grade: string; kind: string; at: string }
  entry?: { index: number }
}

/** Revocations as a table: what people need to decide what is next. */
export function revocationTable(output: Output, items: readonly RevocationView[]): string {
  return table(
    output,
    ['APP', 'FACET', 'STATE', 'GRADE', 'DEADLINE', 'OWNER', 'REVOCATION'],
    items.map((r) => [
      r.appName ?? r.appId,
      r.facet,
      r.reason === undefined || r.state !== 'human' ? r.state : `human: ${r.reason}`,
      r.verdict?.grade,
      shortTime(r.deadlineAt) + (r.overdue ? ' OVERDUE' : ''),
      r.owners.join(', '),
      r.id,
    ]),
    (cell) => {
      if (cell === 'proven') return 'green'
      return cell.startsWith('human') || cell.endsWith('OVERDUE') ? 'red' : undefined
    },
  )
}

/** One revocation, a line for each thing that is known about it. */
export function describeRevocation(output: Output, r: RevocationView): string {
  const { verdict, reason, entry } = r
  const rows: [name: string, value: string | undefined][] = [
    ['Person', `${r.sourceId} ${r.userId}`],
    ['State', r.state],
    ['Reason', reason],
    ['Fault', r.fault],
    ['Runbook', r.state === 'human' && reason ? `docs/runbook.md, heading ${reason}` : undefined],
    ['Verdict', verdict && `${verdict.kind}, grade ${verdict.grade}, ${shortTime(verdict.at)}`],
    ['Attempts', String(r.attempts)],
    ['Opened', shortTime(r.openedAt)],
    ['Deadline', shortTime(r.deadlineAt) + (r.overdue ? ' OVERDUE' : '')],
    ['Owners', r.owners.join(', ')],
    ['Assigned to', r.assignee],
    ['Ledger entry', entry && String(entry.index)],
    ['Case', r.offboardingId],
  ]
  const lines = rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(14)}${shown(value)}`],
  )
  return [
    styled(output, 'bold', shown(`${r.appName ?? r.appId}: ${r.facet}`)),
    ...lines,
    ...(r.state === 'human' ? [`When it is done: quittance revocations retry ${r.id}`] : []),
  ].join('\n')
}
