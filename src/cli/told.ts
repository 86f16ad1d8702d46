import { getSystemErrorMap } from 'node:util'
import { HubError } from '../shared/errors.ts'
import { CliError } from './api-client.ts'

/** Known faults, and those of files, become sentences for the person at the terminal; others are ours. */
export async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const sentence = error instanceof HubError ? error.message : fileFault(error)
    if (sentence === undefined) throw error
    throw new CliError(sentence, { cause: error })
  }
}

/** `nofile: no such file or directory (ENOENT)`; undefined when this is not about a file. */
function fileFault(error: unknown): string | undefined {
  const { code, errno, path } = error as NodeJS.ErrnoException
  if (errno === undefined || path === undefined) return undefined
  return `${path}: ${getSystemErrorMap().get(errno)?.[1] ?? 'cannot be used'} (${code})`
}
