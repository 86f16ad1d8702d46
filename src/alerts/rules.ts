/** How loud an alert is. `critical` pages somebody; `warning` is read today. */
export type Severity = 'warning' | 'critical'

export interface Rule {
  severity: Severity
  /** One sentence for a person. */
  title: string
}

/** Every alert that the hub knows. Each has an entry of the same name in docs/runbook.md that says what to do. */
export const RULES = {
  'deactivation-refused': {
    severity: 'critical',
    title:
      'A request that wanted to deactivate somebody was refused; the provider may not try again for hours',
  },
  'profile-operation-dropped': {
    severity: 'warning',
    title: 'Somebody was deactivated, but other operations of the same request could not be used',
  },
  'source-address-refused': {
    severity: 'critical',
    title: 'A right token of a source came from an address that may not use it',
  },
  'feed-silent': {
    severity: 'critical',
    title: 'An identity provider has stopped calling: departures may not arrive',
  },
  'source-token-expiring': {
    severity: 'warning',
    title: 'The token of an identity provider expires soon; after that no departure arrives',
  },
  'revocation-late': {
    severity: 'warning',
    title: 'A revocation has used up a good part of its time',
  },
  'revocation-overdue': {
    severity: 'critical',
    title: 'A revocation is past its deadline',
  },
  'came-back': {
    severity: 'critical',
    title: 'Access that was proven gone lives again; it is being revoked once more',
  },
  contradicted: {
    severity: 'critical',
    title: 'An application said that it revoked, and the access still lives',
  },
  'human-waiting': {
    severity: 'warning',
    title: 'A revocation waits for a person',
  },
  'alert-undelivered': {
    severity: 'critical',
    title: 'A receiver of alerts has taken none for hours; what it was sent is kept',
  },
  'app-secret-expiring': {
    severity: 'warning',
    title:
      'A credential of the hub in an application expires soon; after that nothing is revoked there',
  },
  'lane-held': {
    severity: 'critical',
    title: 'An application refuses the credential of the hub: nothing is revoked there',
  },
  'restore-stuck': {
    severity: 'warning',
    title: 'An application refuses to give somebody who is back what the hub took from them',
  },
  storm: {
    severity: 'critical',
    title: 'Far more departures than usual: what cannot be undone waits for two persons',
  },
  'ledger-stalled': {
    severity: 'critical',
    title: 'What was revoked is not sealed or not signed: nothing becomes proven',
  },
  'ledger-refused': {
    severity: 'critical',
    title: 'The signer refuses to sign: the ledger is not the one it signed before',
  },
  'ledger-rewritten': {
    severity: 'critical',
    title: 'The write-once copy holds another ledger than the database, or a longer one',
  },
  'ledger-behind': {
    severity: 'warning',
    title: 'Witnesses or the write-once copy do not follow the ledger',
  },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES
