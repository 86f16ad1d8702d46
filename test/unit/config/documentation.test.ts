import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { SETTINGS } from '../../../src/config/settings.ts'
import { envExample, settingsTable, withSettingsTable } from '../../../src/config/settings-text.ts'

const file = (name: string): string =>
  readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')

test('.env.example, compared with the settings, is what they say', () => {
  expect(file('.env.example')).toBe(envExample())
})

test('.env.example, each value that it shows, is accepted when its mark is taken away', () => {
  const shown = [...file('.env.example').matchAll(/^#([A-Z_\d]+)=(.+)$/gm)]
  expect(shown.length).toBeGreaterThan(10)
  for (const [line, name, value] of shown) {
    expect(() => loadConfig({ [name!]: value! }), line).not.toThrow()
  }
})

test('README, its configuration table, is what the settings say', () => {
  const readme = file('README.md')
  expect(withSettingsTable(readme)).toBe(readme)
})

/** Read by other programs' rules, not settings of the hub. */
const FOREIGN = ['PATH', 'NO_COLOR', 'QUITTANCE_DEBUG', 'QUITTANCE_TOKEN', 'QUITTANCE_URL']

test('source code, environment variables that it reads, are all among the settings', () => {
  const root = new URL('../../../src/', import.meta.url)
  const read = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(new URL(name, root), 'utf8').matchAll(/\benv\['(\w+)'\]/g)])
    .map((match) => match[1])
  expect(read).toContain('PATH')
  const known = [...SETTINGS.map((setting) => setting.name), ...FOREIGN]
  expect(read.filter((name) => !known.includes(name as (typeof known)[number]))).toEqual([])
})

test('settings table, a changed setting, changes the table', () => {
  const [first, ...rest] = SETTINGS
  expect(settingsTable([{ ...first, default: '9' }, ...rest])).not.toBe(settingsTable())
  expect(() => withSettingsTable('no marks')).toThrow(RangeError)
})
