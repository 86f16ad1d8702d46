import type { KitResult } from './kit.ts'

/** What came of the kit, by connector: what was driven, and by case `held` or why it does not apply. */
export interface KitRecord {
  [connector: string]: { systems: readonly string[]; cases: { [name: string]: string } }
}

export const HELD = 'held'

/**
 * Puts results in the place of what is known of the same connectors. A connector runs in several ways (profiles, styles of
 * disabling): a case is held when it was tried in one of them and failed in none.
 */
export function recorded(before: KitRecord, results: readonly KitResult[]): KitRecord {
  const after: Record<string, { systems: string[]; cases: Record<string, string> }> = {}
  for (const { connector, system, case: name, notApplicable } of results) {
    after[connector] ??= { systems: [], cases: {} }
    const { systems, cases } = after[connector]
    if (!systems.includes(system)) systems.push(system)
    if (cases[name] !== HELD) cases[name] = notApplicable ?? HELD
  }
  const all = { ...before, ...after }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Markdown: what stood on the other side of each connector, and each case of the kit by connector. */
export function kitTable(record: KitRecord, cases: readonly string[]): string {
  const connectors = Object.entries(record)
  const driven = connectors.map(([name, { systems, cases: of }]) => {
    const held = Object.values(of).filter((one) => one === HELD).length
    const reasons = [...new Set(Object.values(of).filter((one) => one !== HELD))]
    return `| \`${name}\` | ${systems.join('; ')} | ${held} | ${reasons.join('; ')} |`
  })
  const rows = cases.map((name) => {
    const cells = connectors.map(([, { cases: of }]) => mark(of[name]))
    return `| ${name} | ${cells.join(' | ')} |`
  })
  return [
    '| connector | tried against | cases that hold | why others do not apply |',
    '|---|---|---|---|',
    ...driven,
    '',
    `| case | ${connectors.map(([name]) => `\`${name}\``).join(' | ')} |`,
    `|---|${connectors.map(() => ':-:|').join('')}`,
    ...rows,
    '',
  ].join('\n')
}

function mark(outcome: string | undefined): string {
  if (outcome === undefined) return ''
  return outcome === HELD ? '✔' : '–'
}
