import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import mongoose, { type mongo } from 'mongoose'
import { HubError } from '../shared/errors.ts'

const { EJSON } = mongoose.mongo.BSON

/**
 * A backup is gzip of lines, so that any machine can read it years from now (`zcat FILE | less`):
 *
 *     {"format":"quittance-backup","version":1,…}      header
 *     # users                                          a collection
 *     {"_id":…}                                        its rows, in canonical Extended JSON (MongoDB EJSON v2)
 *     = 2 <sha256>                                     how many rows; over their lines, each with its line end
 *     . 31 <sha256>                                    how many collections; over all lines that begin with # or =
 */
export interface BackupHeader {
  format: 'quittance-backup'
  version: 1
  software: string
  /** ISO 8601; this machine's clock. */
  at: string
  /** MongoDB's time of which everything is, in hex; two collections never tell of two moments. */
  clusterTime: string
  /** Ids of the master keys that are needed to open what is sealed in it. */
  masterKeys: readonly string[]
  ledgerOrigin: string
}

export type BackupRow = mongo.Document

/** One row of a backup, with numbers and binaries as MongoDB types where `exact`. */
export interface RowOfBackup {
  collection: string
  row: BackupRow
}

/** Lines are handed over in pieces of about so many characters. */
const PIECE = 256 * 1024

/**
 * Writes a backup, whole or not at all, readable by its owner alone.
 *
 * @param collections by name, each with its rows as they are to be kept
 * @returns rows by collection
 */
export async function writeBackup(
  path: string,
  header: () => BackupHeader,
  collections: readonly { name: string; rows: AsyncIterable<BackupRow> }[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  async function* lines(): AsyncGenerator<string> {
    const whole = createHash('sha256')
    const frame = (line: string): string => {
      whole.update(`${line}\n`)
      return `${line}\n`
    }
    let isFirst = true
    for (const { name, rows } of collections) {
      let count = 0
      let piece = frame(`# ${name}`)
      const hash = createHash('sha256')
      for await (const row of rows) {
        const line = `${EJSON.stringify(row, { relaxed: false })}\n`
        hash.update(line)
        piece += line
        count += 1
        if (piece.length < PIECE) continue
        // The header knows the time of the snapshot, which the first read decides.
        yield isFirst ? `${JSON.stringify(header())}\n${piece}` : piece
        isFirst = false
        piece = ''
      }
      counts[name] = count
      piece += frame(`= ${count} ${hash.digest('hex')}`)
      yield isFirst ? `${JSON.stringify(header())}\n${piece}` : piece
      isFirst = false
    }
    yield `. ${collections.length} ${whole.digest('hex')}\n`
  }
  const draft = `${path}.new`
  // What a broken run left behind may have other rights.
  await rm(draft, { force: true })
  try {
    const file = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(Readable.from(lines()), createGzip(), file)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  return counts
}

/**
 * Reads a backup from its beginning to its end, and compares every count and hash on the way. What has been yielded
 * counts only when the end is reached without a throw.
 *
 * @param options.exact numbers as MongoDB types, for writing them back; without it, as numbers
 * @param options.only rows of these collections are parsed and yielded; the others are hashed alone
 * @param onHeader called once, before the first row
 * @throws HubError ERR_INVALID_VALUE when the file is no backup, was cut off or changed
 */
export async function* readBackup(
  path: string,
  options: { exact: boolean; only?: readonly string[]; onHeader?: (header: BackupHeader) => void },
): AsyncGenerator<RowOfBackup> {
  const whole = createHash('sha256')
  let collections = 0
  let current: { name: string; hash: Hash; count: number } | undefined
  let isEnded = false
  let number = 0
  const broken = (what: string): HubError =>
    new HubError('ERR_INVALID_VALUE', `${path} is no whole backup: line ${number}: ${what}`)
  for await (const line of linesOf(path)) {
    number += 1
    if (number === 1) {
      options.onHeader?.(headerOf(line, path))
    } else if (isEnded) {
      throw broken('something follows its end')
    } else if (current !== undefined && !line.startsWith('= ')) {
      const { name, hash } = current
      hash.update(`${line}\n`)
      current.count += 1
      if (options.only !== undefined && !options.only.includes(name)) continue
      yield { collection: name, row: rowOf(line, options.exact, broken) }
    } else if (current !== undefined) {
      if (line !== `= ${current.count} ${current.hash.digest('hex')}`) {
        throw broken(`${current.name} is not what was written`)
      }
      whole.update(`${line}\n`)
      current = undefined
    } else if (line.startsWith('# ')) {
      current = { name: line.slice(2), hash: createHash('sha256'), count: 0 }
      collections += 1
      whole.update(`${line}\n`)
    } else {
      if (line !== `. ${collections} ${whole.digest('hex')}`) throw broken('its end does not fit')
      isEnded = true
    }
  }
  if (!isEnded) throw broken('it was cut off')
}

/** Whatever is wrong with the compressed bytes is a fault of the file, not of us. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const file = createReadStream(path)
  const text = file.pipe(createGunzip())
  file.on('error', (error) => text.destroy(error))
  try {
    // At line ends alone. `readline` of newer Node.js also breaks at U+2028 and U+2029, which JSON leaves as they are.
    let rest = ''
    for await (const piece of text.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = piece.split('\n')
      lines[0] = rest + (lines[0] ?? '')
      rest = lines.pop() ?? ''
      yield* lines
    }
    if (rest !== '') yield rest
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code?.startsWith('Z_') !== true && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    throw new HubError('ERR_INVALID_VALUE', `${path} is no whole backup: ${code}`, {
      cause: error,
    })
  } finally {
    file.destroy()
  }
}

function headerOf(line: string, path: string): BackupHeader {
  let header: Partial<BackupHeader> = {}
  try {
    header = JSON.parse(line) as Partial<BackupHeader>
  } catch {
    // Said below: it is no backup.
  }
  if (header.format !== 'quittance-backup') {
    throw new HubError('ERR_INVALID_VALUE', `${path} is no backup of this program`)
  }
  if (header.version !== 1) {
    throw new HubError('ERR_INVALID_VALUE', `${path} was written by a newer version`)
  }
  return header as BackupHeader
}

function rowOf(line: string, exact: boolean, broken: (what: string) => HubError): BackupRow {
  try {
    return EJSON.parse(line, { relaxed: !exact }) as BackupRow
  } catch {
    throw broken('it is no row')
  }
}
