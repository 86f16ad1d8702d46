import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RULES } from '../../../src/alerts/rules.ts'

const runbook = readFileSync(join(import.meta.dirname, '../../../docs/runbook.md'), 'utf8')

test.each(Object.keys(RULES))('the runbook, asked about %s, says what to do', (rule) => {
  expect(runbook.split('\n')).toContain(`### ${rule}`)
})
