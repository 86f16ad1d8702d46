import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RULES } from '../../../src/alerts/rules.ts'
import { STATUS } from '../../../src/api/problem.ts'
import { DEFAULT_DEADLINES } from '../../../src/revocation/deadlines.ts'
import { DAY, HOUR, MINUTE } from '../../../src/shared/clock.ts'

const file = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')

/** The string members of a union type, as its source spells them. */
function members(path: string, union: string): string[] {
  const body = new RegExp(`export type ${union} =\\s*([^;]*?)\\n\\n`).exec(file(path))?.[1] ?? ''
  return [...body.matchAll(/'([\w-]+)'/g)].map((match) => match[1] ?? '')
}

test('docs/errors.md, compared with the error codes, has one row for each with its status', () => {
  const rows = [...file('docs/errors.md').matchAll(/^\| `(ERR_\w+)` \| (\d+) \|/gm)]
  const documented = Object.fromEntries(rows.map(([, code, status]) => [code, Number(status)]))
  expect(documented).toEqual(STATUS)
  expect(members('src/shared/errors.ts', 'ErrorCode').sort()).toEqual(Object.keys(STATUS).sort())
})

test('docs/runbook.md, compared with the reasons for a person, has an entry for each', () => {
  const headings = [...file('docs/runbook.md').matchAll(/^### (.+)$/gm)].map((match) => match[1])
  const reasons = members('src/revocation/types.ts', 'HumanReason')
  expect(reasons.length).toBeGreaterThan(5)
  expect(headings).toEqual(expect.arrayContaining(reasons))
})

test('docs/runbook.md, compared with the refusals of the signer, explains each', () => {
  const refusals = members('src/ledger/signer.ts', 'SigningRefusal')
  expect(refusals.length).toBeGreaterThan(3)
  for (const refusal of refusals) expect(file('docs/runbook.md')).toContain(`- \`${refusal}\`:`)
})

test('docs, links to headings of the runbook, lead somewhere', () => {
  const anchors = [...file('docs/runbook.md').matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  const links = [...file('docs/errors.md').matchAll(/runbook\.md#([\w-]+)/g)].map((m) => m[1])
  expect(links.length).toBeGreaterThan(0)
  expect(anchors).toEqual(expect.arrayContaining(links))
})

test('docs/glossary.md, its table of deadlines, is what the hub applies', () => {
  const rows = [...file('docs/glossary.md').matchAll(/^\| ([0-3]) \| [^|]+ \| (.+) \|$/gm)]
  const unit: Record<string, number> = { min: MINUTE, h: HOUR, d: DAY }
  const shown = rows.map(([, , cells = '']) =>
    cells
      .split(' | ')
      .map((cell) => Number.parseInt(cell, 10) * (unit[cell.split(' ')[1] ?? ''] ?? 0)),
  )
  expect(shown).toEqual(
    Object.values(DEFAULT_DEADLINES).map((row) => [row.login, row.credential, row.secret]),
  )
})

test('docs/runbook.md, compared with the alert rules, has an entry for each', () => {
  const headings = [...file('docs/runbook.md').matchAll(/^### (.+)$/gm)].map((match) => match[1])
  for (const rule of Object.keys(RULES)) expect(headings).toContain(rule)
})
