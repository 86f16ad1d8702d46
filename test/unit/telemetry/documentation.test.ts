import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { METRIC_LIST, withMetricTable } from '../../../src/telemetry/metric-list.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

interface Panel {
  id: number
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; datasource: { uid: string } }[]
}

const file = (name: string): string =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const dashboard = JSON.parse(file('grafana/dashboard.json')) as {
  schemaVersion: number
  uid: string
  panels: Panel[]
}
const rules = file('grafana/rules.yml')
const exprs = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...[...rules.matchAll(/^ +expr: (.+)$/gm)].map((match) => match[1] ?? ''),
]

/** As they stand in expressions: a histogram is three series. */
const served = async (): Promise<Map<string, string>> => {
  const text = await createMetrics().text()
  return new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name = '', kind = '']) =>
      kind === 'histogram'
        ? ['_bucket', '_count', '_sum'].map((end) => [name + end, name] as const)
        : [[name, name] as const],
    ),
  )
}
const namesIn = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:hub|process|nodejs)_\w+/g)].map(([name]) => name)

test('docs/telemetry.md, its table, is what the code says, and another list changes it', () => {
  const page = file('telemetry.md')
  expect(withMetricTable(page)).toBe(page)
  expect(withMetricTable(page, METRIC_LIST.slice(1))).not.toBe(page)
  expect(() => withMetricTable('no marks')).toThrow(RangeError)
})

test('dashboard and rules, every metric in them, is served', async () => {
  const known = await served()
  const names = exprs.flatMap(namesIn)
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !known.has(name))).toEqual([])
  expect(known.has('hub_of_no_such_name')).toBe(false)
})

test('dashboard and rules, together, show every metric of the hub', async () => {
  const known = await served()
  const shown = new Set(exprs.flatMap(namesIn).map((name) => known.get(name)))
  expect(METRIC_LIST.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([])
})

test('dashboard and rules, labels in them, are labels of that metric', () => {
  for (const [, name = '', matchers = ''] of exprs
    .join('\n')
    .matchAll(/\b(hub_\w+?)(?:_bucket|_count|_sum)?\{([^}]*)\}/g)) {
    const metric = METRIC_LIST.find((one) => one.name === name)
    const labels = [...matchers.matchAll(/(\w+)[=!]/g)].map((match) => match[1])
    // Prometheus itself adds `job`.
    expect(metric?.labels, name).toEqual(
      expect.arrayContaining(labels.filter((label) => label !== 'job')),
    )
  }
})

test('dashboard, as a model of Grafana 11, has panels that do not overlap and one data source', () => {
  expect(dashboard.schemaVersion).toBe(39)
  const { panels } = dashboard
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24)
    return Array.from({ length: w * h }, (_, i) => `${x + (i % w)}/${y + Math.floor(i / w)}`)
  })
  expect(new Set(cells).size).toBe(cells.length)
  const sources = panels.flatMap(({ targets = [] }) => targets.map((one) => one.datasource.uid))
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana
  expect(new Set(sources)).toEqual(new Set(['${datasource}']))
})

test('alert rules, each of them, links to a heading of the runbook', () => {
  const headings = [...file('runbook.md').matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  )
  const links = [...rules.matchAll(/runbook: docs\/runbook\.md#(.+)$/gm)].map((match) => match[1])
  expect(links).toHaveLength(rules.split('- alert:').length - 1)
  expect(links.filter((link) => !headings.includes(link ?? ''))).toEqual([])
})
