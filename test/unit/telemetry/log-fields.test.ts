import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** Calls of a log with an object written out: its text, without what is nested in it. */
const CALL = /\blog\.(?:trace|debug|info|warn|error|fatal)\(\s*\{([^{}]*)\}/g
/** pino writes these itself: a second one of that name makes two readers see two lines. */
const OWN = /(?:^|,)\s*(?:level|time|msg|pid|hostname)\s*(?:[,:]|$)/

test('source code, fields that it logs, have no name that the log itself writes', () => {
  const root = new URL('../../../src/', import.meta.url)
  const calls = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...readFileSync(new URL(name, root), 'utf8').matchAll(CALL)].map(
        ([, fields = '']) => `${name}: ${fields.trim()}`,
      ),
    )
  expect(calls.length).toBeGreaterThan(20)
  expect(calls.filter((call) => OWN.test(call.replace(/^[^:]*:/, '')))).toEqual([])
})
