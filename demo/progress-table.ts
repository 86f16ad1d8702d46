import { styleText } from 'node:util'

/** One departure of the demo: who, in which words the provider said it, and what is owed where. */
export interface Departure {
  who: string
  said: string
  sourceId: string
  userId: string
}

export interface Unit {
  userId: string
  appId: string
  facet: string
  state: string
  verdict?: { grade: string; kind: string }
}

export interface Column {
  appId: string
  title: string
}

const MARKS: Record<string, [mark: string, style: Parameters<typeof styleText>[0]]> = {
  proven: ['✔', 'green'],
  verified: ['◕', 'green'],
  settling: ['◑', 'yellow'],
  acting: ['◔', 'yellow'],
  due: ['○', 'gray'],
  human: ['!', 'magenta'],
  superseded: ['–', 'gray'],
}

/** What the table shows of one unit: `contradicted` is a verdict, not a state. */
export function wordOf(unit: Unit): string {
  return unit.verdict?.kind === 'contradicted' ? 'contradicted' : unit.state
}

/** Draws the table; on a terminal it overwrites the one before. */
export function createProgressTable(
  columns: readonly Column[],
  departures: readonly Departure[],
  out: NodeJS.WriteStream = process.stdout,
) {
  let drawn = 0
  let last = ''
  const paint = (text: string, style: Parameters<typeof styleText>[0]): string =>
    out.isTTY ? styleText(style, text) : text

  const cell = (units: readonly Unit[], width: number): string => {
    const plain: string[] = []
    const painted: string[] = []
    for (const unit of units) {
      const word = wordOf(unit)
      const [mark, style] =
        word === 'contradicted' ? (['✘', 'red'] as const) : (MARKS[word] ?? ['?', 'red'])
      const grade = word === 'proven' ? ` ${unit.verdict?.grade ?? ''}` : ''
      plain.push(`${mark} ${word}${grade}`)
      painted.push(paint(`${mark} ${word}${grade}`, style))
    }
    const pad = Math.max(0, width - plain.join('  ').length)
    return painted.join('  ') + ' '.repeat(pad)
  }

  const lines = (units: readonly Unit[], seconds: number): string[] => {
    const widths = columns.map(({ appId, title }) =>
      Math.max(
        title.length,
        ...departures.map((d) => {
          const own = units.filter((u) => u.userId === d.userId && u.appId === appId)
          return own
            .map((u) => wordOf(u).length + (wordOf(u) === 'proven' ? 4 : 2))
            .reduce((a, b) => a + b + 2, -2)
        }),
      ),
    )
    const who = Math.max(...departures.map((d) => d.who.length))
    const said = Math.max(...departures.map((d) => d.said.length))
    const proven = units.filter((u) => u.state === 'proven').length
    const bar = '█'.repeat(Math.round((proven / Math.max(units.length, 1)) * 30)).padEnd(30, '░')
    return [
      paint(
        `  ${'person'.padEnd(who)}  ${'how the provider said it'.padEnd(said)}  ${columns.map((c, i) => c.title.padEnd(widths[i] ?? 0)).join('  ')}`,
        'bold',
      ),
      ...departures.map((d) => {
        const cells = columns.map(({ appId }, i) =>
          cell(
            units.filter((u) => u.userId === d.userId && u.appId === appId),
            widths[i] ?? 0,
          ),
        )
        return `  ${d.who.padEnd(who)}  ${d.said.padEnd(said)}  ${cells.join('  ')}`
      }),
      `  ${paint(bar, 'green')} ${proven}/${units.length} proven after ${seconds.toFixed(1)} s`,
    ]
  }

  return {
    draw(units: readonly Unit[], seconds: number, final = false): void {
      const next = lines(units, seconds)
      if (!out.isTTY) {
        // A log keeps one line per change, and the table once at the end.
        const summary = next.at(-1) ?? ''
        if (final) out.write(`${next.join('\n')}\n`)
        else if (summary.split(' after')[0] !== last) out.write(`${summary}\n`)
        last = summary.split(' after')[0] ?? ''
        return
      }
      if (drawn > 0) out.write(`\u001b[${drawn}A\u001b[J`)
      out.write(`${next.join('\n')}\n`)
      drawn = next.length
    },
  }
}
