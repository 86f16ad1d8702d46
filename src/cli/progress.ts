/** How far long work is, for people who wait at a terminal. */
export interface Progress {
  /** Replaces the line. @param share 0 to 1, where it is known */
  show(text: string, share?: number): void
  /** Takes the line away. */
  done(): void
}

/** Nobody watches: a program reads, or the output goes into a file. */
export const SILENT: Progress = { show: () => {}, done: () => {} }

const BAR_CELLS = 24
/** A terminal is not written to more often. */
const EVERY_MS = 100

/** On standard error, and only where that is a terminal. */
export function createProgress(stream: {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}): Progress {
  if (stream.isTTY !== true) return SILENT
  let last = 0
  return {
    show: (text, share) => {
      const now = performance.now()
      if (now - last < EVERY_MS) return
      last = now
      const full = Math.round(Math.min(1, share ?? 0) * BAR_CELLS)
      const bar = share === undefined ? '' : `[${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}] `
      stream.write(`\r\u001b[2K${`${bar}${text}`.slice(0, (stream.columns ?? 80) - 1)}`)
    },
    done: () => {
      if (last > 0) stream.write('\r\u001b[2K')
    },
  }
}
