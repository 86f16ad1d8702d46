import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RULES } from '../../../src/alerts/rules.ts'
import type { HumanReason } from '../../../src/revocation/types.ts'

const runbook = readFileSync(join(import.meta.dirname, '../../../docs/runbook.md'), 'utf8')

test.each(Object.keys(RULES))('the runbook, asked about %s, says what to do', (rule) => {
  expect(runbook.split('\n')).toContain(`### ${rule}`)
})

/** The type check knows when one is missing. */
const REASONS: Record<HumanReason, true> = {
  'ambiguous-match': true,
  'no-account-found': true,
  'manual-app': true,
  forbidden: true,
  invalid: true,
  unsupported: true,
  protected: true,
  contradicted: true,
  unobservable: true,
  'connector-bug': true,
}

test.each(Object.keys(REASONS))(
  'the runbook, asked why a person must act on %s, says what to do',
  (reason) => {
    const section = runbook.split('## A person must act')[1]?.split('\n## ')[0]
    expect(section?.split('\n')).toContain(`### ${reason}`)
  },
)
