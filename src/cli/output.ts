import { styleText } from 'node:util'

/** Where a command writes, and how. */
export interface Output {
  json: boolean
  /** Colours and styles; false when the reader is a program or NO_COLOR is set. */
  styled: boolean
  write(text: string): void
}

/** Prints the value itself with `--json`, else what people read. */
export function print(output: Output, value: unknown, human: () => string): void {
  output.write(output.json ? `${JSON.stringify(value, null, 2)}\n` : `${human().trimEnd()}\n`)
}

/** Names come from identity providers: no control character of theirs reaches the terminal. */
export function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\ufffd')
}

type Style = Parameters<typeof styleText>[0]

export function styled(output: Output, style: Style, text: string): string {
  return output.styled ? styleText(style, text, { validateStream: false }) : text
}

/**
 * Columns as wide as their widest cell. An empty table says so.
 *
 * @param headings one for each cell of a row
 * @param style a style for a cell by its text, e.g. red for `overdue`
 */
export function table(
  output: Output,
  headings: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
  style: (cell: string, column: number) => Style | undefined = () => undefined,
): string {
  if (rows.length === 0) return 'Nothing.'
  const cells = rows.map((row) => row.map((cell) => shown(String(cell ?? ''))))
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...cells.map((row) => row[i]?.length ?? 0)),
  )
  const line = (
    row: readonly string[],
    look: (cell: string, i: number) => Style | undefined,
  ): string =>
    row
      .map((cell, i) => {
        const chosen = look(cell, i)
        const text = chosen === undefined ? cell : styled(output, chosen, cell)
        return i === row.length - 1 ? text : text + ' '.repeat((widths[i] ?? 0) - cell.length + 2)
      })
      .join('')
      .trimEnd()
  return [line(headings, () => 'bold'), ...cells.map((row) => line(row, style))].join('\n')
}

/** `2026-01-02T03:04:05.678Z` → `2026-01-02 03:04` (UTC). */
export function shortTime(at: string | undefined): string {
  return at === undefined ? '' : at.slice(0, 16).replace('T', ' ')
}
