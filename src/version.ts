import { readFileSync } from 'node:fs'

/** Of package.json, which lies two folders higher in the compiled tree. */
export const VERSION: string = ['..', '../..']
  .map((up) => new URL(`${up}/package.json`, import.meta.url))
  .flatMap((url) => {
    try {
      return [JSON.parse(readFileSync(url, 'utf8')).version as string]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
  .at(0) as string
