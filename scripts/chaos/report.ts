import { INVARIANTS, type Verdict } from './checker.ts'

const SHOWN = 5

/** A verdict as a table for people. */
export function reportOf({ counts, violations }: Verdict): string[] {
  const width = Math.max(...[...Object.keys(counts), ...INVARIANTS].map((name) => name.length)) + 2
  return [
    ...Object.entries(counts).map(([name, n]) => `  ${name.padEnd(width)}${n}`),
    '',
    ...INVARIANTS.flatMap((name) => [
      `${violations[name].length === 0 ? '✔' : '✘'} ${name.padEnd(width)}${violations[name].length}`,
      ...violations[name].slice(0, SHOWN).map((what) => `      ${what}`),
    ]),
  ]
}

/** @returns true when every invariant held */
export const isSound = ({ violations }: Verdict): boolean =>
  INVARIANTS.every((name) => violations[name].length === 0)
