import type { Instant } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import type { RuleName, Severity } from './rules.ts'

/** What an alert is about, by id. No personal data: alerts leave the hub. */
export interface AlertSubject {
  sourceId?: string
  appId?: string
  offboardingId?: string
  revocationId?: string
  tokenId?: string
  /** Of the settings of alert sinks. */
  sinkId?: string
  /** Of an app's secret, by the name under which it is registered. */
  secretName?: string
  /** The hub's id of a person, which says nothing outside of it. */
  userId?: string
}

/** Something that a rule has found. Found again, it is the same alert: `key` says what "again" means. */
export interface Finding {
  rule: RuleName
  /** Unique within the rule, e.g. a revocation id. */
  key: string
  about: AlertSubject
  /** Numbers and codes for the reader, e.g. `{share: 80}`. No personal data, no secrets. */
  facts: Readonly<Record<string, string | number>>
  /** Who should act: owners of the app, else the admins. Whoever finds something leaves it to `withOwners`. */
  owners?: readonly string[]
}

export interface Alert extends Omit<Finding, 'key'> {
  /** `<rule>:<key>` */
  id: string
  severity: Severity
  title: string
  state: 'open' | 'acknowledged' | 'resolved'
  firstAt: Instant
  lastAt: Instant
  /** How often it was found. */
  count: number
  acknowledgedBy?: string
}

export interface AlertFilter {
  state?: Alert['state']
  rule?: RuleName
}

/** Alerts, kept. `false` and empty answers mean "looked, and there is none". */
export interface AlertStore {
  /** Opens it, or counts it once more; one that was resolved opens again. Returns whether it is news. */
  raise(finding: Finding, at: Instant, tx?: Transaction): Promise<boolean>
  /** Closes alerts whose cause is gone; unknown ids are ignored. */
  resolve(ids: readonly string[], at: Instant): Promise<void>
  /** False when there is no such open alert. */
  acknowledge(id: string, by: string, at: Instant, tx?: Transaction): Promise<boolean>
  /** Newest first. @throws HubError ERR_INVALID_CURSOR */
  list(
    filter: AlertFilter,
    paging: { limit: number; cursor?: string },
  ): Promise<{ items: Alert[]; next?: string }>
  /** Alerts of these rules that are not resolved. */
  unresolved(rules: readonly RuleName[]): Promise<{ id: string; rule: RuleName }[]>
}

export const alertId = (finding: Pick<Finding, 'rule' | 'key'>): string =>
  `${finding.rule}:${finding.key}`
