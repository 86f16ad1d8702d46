import type { ItemStatus } from '../ledger/completeness.ts'
import type { Verification, Verified } from '../ledger/verify.ts'
import { iso } from '../shared/clock.ts'

/** The result of a verification, for people. */
export function describeVerification(result: Verification): string {
  return `${(result.kind === 'refused' ? refusal(result) : verified(result)).join('\n')}\n`
}

/** Was something seen alive after it was proven gone? */
export function cameBack({ items }: Pick<Verified, 'items'>): boolean {
  return items.some(({ remarks }) => remarks.some(({ body }) => body.type === 'drift.detected'))
}

function refusal(result: Extract<Verification, { kind: 'refused' }>): string[] {
  const where = result.file === undefined ? '' : ` (${shown(result.file)})`
  return [`REFUSED at ${result.step}: ${shown(result.reason)}${where}`]
}

const VERDICTS: Record<Verified['completeness'], string> = {
  complete: 'PROVED AND COMPLETE',
  empty: 'VERIFIED, NOTHING PROVED: no application was in scope when the case was opened',
  open: 'VERIFIED, INCOMPLETE: the case is still open',
  superseded: 'VERIFIED: the case was superseded, nothing was left to revoke',
  mixed: 'VERIFIED: the case is closed; part of it was superseded',
}

function verified(result: Verified): string[] {
  const { checkpoint } = result
  const verdict =
    result.trust === 'pinned'
      ? cameBack(result)
        ? 'VERIFIED, LIVE AGAIN LATER: what was proven gone came back; its new case has a certificate of its own'
        : VERDICTS[result.completeness]
      : `NOT CHECKED AGAINST A KEY OF YOURS: the certificate agrees with itself (${result.completeness})`
  return [
    verdict,
    '',
    `case        ${result.offboarding}`,
    `person      ${personOf(result)}`,
    `log         ${checkpoint.origin}, ${checkpoint.size} entries`,
    `root        ${checkpoint.root}`,
    ...checkpoint.signedBy.map((by) => `signed by   ${by}`),
    ...result.cosignatures.map(({ by, at }) => `seen by     ${by} at ${iso(at)}`),
    ...result.amended.map(({ app, added, at }) => `amended     ${app}, ${added} added at ${at}`),
    `disclosed   ${result.disclosed} fields, ${result.undisclosed} kept closed${result.erased ? ' (erased)' : ''}`,
    '',
    ...result.items.flatMap((item) => [itemLine(item), ...remarkLines(item)]),
    '',
    'This does not show:',
    ...result.notProved.map((sentence) => `  - ${sentence}`),
  ]
}

function personOf({ subject, erased }: Verified): string {
  if (subject === undefined) return erased ? '(erased)' : '(not disclosed)'
  return shown(subject)
}

function itemLine({ item, ending }: ItemStatus): string {
  const name = `${item.app} ${item.facet}`.padEnd(48)
  if (ending === undefined) return `  open        ${name}`
  const { body, index } = ending
  switch (body.type) {
    case 'revocation.verified':
      return `  proven ${body.grade}    ${name} ${body.after.at} entry ${index}`
    case 'revocation.waived':
      return `  waived      ${name} until ${body.expires} entry ${index}`
    case 'revocation.superseded':
      return `  superseded  ${name} ${body.reason} entry ${index}`
  }
}

function remarkLines({ item, remarks }: ItemStatus): string[] {
  const name = `${item.app} ${item.facet}`.padEnd(48)
  return remarks.map(({ index, body }) =>
    body.type === 'drift.detected'
      ? `  LIVE AGAIN  ${name} ${body.at} case ${body.reopened} entry ${index}`
      : `  no proof    ${name} acknowledged, cannot be read back, grade ${body.grade} entry ${index}`,
  )
}

/** Text out of a file that somebody handed over: no control characters reach the terminal. */
function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\ufffd').slice(0, 400)
}
