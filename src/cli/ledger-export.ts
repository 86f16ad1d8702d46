import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathSource, type TlogSource } from '../ledger/tlog-source.ts'
import { HubError } from '../shared/errors.ts'
import { type ApiClient, CliError } from './api-client.ts'

/** The bytes of a file; null when there is none. */
export async function fileOrNull(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}

/** The log of the hub that `api` talks to, read as any other client of C2SP tlog-tiles would. */
export function hubSource(api: Pick<ApiClient, 'raw' | 'url'>): TlogSource {
  return pathSource(async (path) => await bytesOf(await api.raw(`/ledger/${path}`), path))
}

/**
 * A log in a directory, or under a URL. The token goes to the hub that it belongs to and to nobody else.
 *
 * @param place a path, `https://hub.example.com/ledger`, or the address of a static copy
 */
export function sourceOf(place: string, api: Pick<ApiClient, 'raw' | 'url'>): TlogSource {
  if (!/^https?:\/\//.test(place)) return pathSource((path) => fileOrNull(join(place, path)))
  const base = place.replace(/\/+$/, '')
  if (base === `${api.url}/ledger`) return hubSource(api)
  return pathSource(async (path) => await bytesOf(await fetch(`${base}/${path}`), path))
}

/** "Not there" and "could not look" are different answers. */
async function bytesOf(response: Response, path: string): Promise<Buffer | null> {
  if (response.status === 404) return null
  if (!response.ok) throw new CliError(`${path} cannot be read: ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}

/**
 * Copies the log into a directory, in the static layout. Repeated, it fetches what is new.
 *
 * @returns the number of entries
 * @throws CliError when the hub has no checkpoint yet, or a part is missing
 */
export async function exportTo(directory: string, source: TlogSource): Promise<number> {
  const write = async (path: string, bytes: Buffer): Promise<void> => {
    const file = join(directory, path)
    await mkdir(dirname(file), { recursive: true })
    // Whole or not at all: a copy that was broken off is taken up again.
    await writeFile(`${file}.new`, bytes)
    await rename(`${file}.new`, file)
  }
  const kept = async (path: string): Promise<boolean> =>
    await stat(join(directory, path)).then(
      (found) => found.size > 0,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false
        throw error
      },
    )
  const { exportLog } = await import('../ledger/export.ts')
  try {
    return await exportLog(source, write, kept)
  } catch (error) {
    if (error instanceof HubError) throw new CliError(error.message, { cause: error })
    throw error
  }
}
