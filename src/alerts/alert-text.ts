import { iso } from '../shared/clock.ts'
import type { AlertEvent } from './alert-event.ts'

/** Where the runbook says what to do about alerts of this rule. */
export type RunbookLink = (rule: string) => string

/** @param base address of the runbook; without one the path in the repository must do */
export function runbookLink(base: string | undefined): RunbookLink {
  const page = base === undefined ? 'docs/runbook.md' : base.replace(/#.*$/, '')
  return (rule) => `${page}#${rule}`
}

/** An event as JSON for programs: the shape of `GET /api/v1/alerts`, and what happened to it. */
export function eventJson({ id, kind, at, alert }: AlertEvent, link: RunbookLink): object {
  return {
    type: `alert.${kind}`,
    timestamp: iso(at),
    data: {
      eventId: id,
      ...alert,
      firstAt: iso(alert.firstAt),
      lastAt: iso(alert.lastAt),
      next: link(alert.rule),
    },
  }
}

/** One line: `[critical] A revocation is past its deadline`. */
export function headline({ kind, alert }: AlertEvent): string {
  return `[${kind === 'resolved' ? 'resolved' : alert.severity}] ${alert.title}`
}

/** Name and value of everything that the alert says: whom it is about, facts, owners, what to do. */
export function detailLines({ at, alert }: AlertEvent, link: RunbookLink): [string, string][] {
  return [
    ['rule', alert.rule],
    ...Object.entries({ ...alert.about, ...alert.facts }).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]),
    ...(alert.owners === undefined || alert.owners.length === 0
      ? []
      : [['owners', alert.owners.join(', ')] as [string, string]]),
    ['at', iso(at)],
    ['what to do', link(alert.rule)],
  ]
}
