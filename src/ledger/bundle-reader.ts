import { type Entry, fromBuffer, type ZipFile } from 'yauzl'
import { FILE_NAME, LIMITS } from './certificate-format.ts'

export type ReadBundle =
  | { kind: 'read'; files: ReadonlyMap<string, Buffer> }
  | { kind: 'refused'; reason: string }

/** Thrown within this file only, and turned into the answer. */
class Refusal extends Error {}

const UNIX_TYPE_MASK = 0o170000
const UNIX_FILE = 0o100000

/**
 * Unpacks a certificate in memory. Whoever hands it over may mean harm: nothing is written to disk, names are
 * taken from a fixed list, and bytes are counted as they come, not as they are declared.
 */
export async function readBundle(archive: Buffer): Promise<ReadBundle> {
  if (archive.length > LIMITS.archive)
    return { kind: 'refused', reason: 'the archive is too large' }
  try {
    return { kind: 'read', files: await unpack(archive) }
  } catch (error) {
    // Whatever the zip reader stumbles over is the fault of the bytes: there is no other input.
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: 'refused', reason }
  }
}

async function unpack(archive: Buffer): Promise<Map<string, Buffer>> {
  const zip = await open(archive)
  if (zip.entryCount > LIMITS.files) throw new Refusal('the archive has too many files')
  const entries = await listed(zip)
  const files = new Map<string, Buffer>()
  let left: number = LIMITS.total
  for (const entry of entries) {
    check(entry, files)
    const bytes = await content(zip, entry, Math.min(left, LIMITS.file))
    left -= bytes.length
    files.set(entry.fileName, bytes)
  }
  return files
}

function check(entry: Entry, files: ReadonlyMap<string, Buffer>): void {
  const { fileName } = entry
  if (!FILE_NAME.test(fileName)) {
    throw new Refusal(
      `the archive holds a file with the name ${JSON.stringify(fileName.slice(0, 80))}`,
    )
  }
  if (files.has(fileName)) throw new Refusal(`${fileName} is in the archive twice`)
  if (entry.isEncrypted()) throw new Refusal(`${fileName} is encrypted`)
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw new Refusal(`${fileName} is compressed in an unknown way`)
  }
  // Made on Unix: the type of the file is in the upper half.
  const type = (entry.externalFileAttributes >>> 16) & UNIX_TYPE_MASK
  if (entry.versionMadeBy >>> 8 === 3 && type !== 0 && type !== UNIX_FILE) {
    throw new Refusal(`${fileName} is not a plain file`)
  }
}

function open(archive: Buffer): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, strictFileNames: true, validateEntrySizes: true }
    fromBuffer(archive, options, (error, zip) => {
      if (error !== null) reject(error)
      else resolve(zip)
    })
  })
}

function listed(zip: ZipFile): Promise<Entry[]> {
  return new Promise((resolve, reject) => {
    const entries: Entry[] = []
    zip.on('error', reject)
    zip.on('end', () => resolve(entries))
    zip.on('entry', (entry: Entry) => {
      entries.push(entry)
      zip.readEntry()
    })
    zip.readEntry()
  })
}

function content(zip: ZipFile, entry: Entry, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error !== null) {
        reject(error)
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      stream.on('error', reject)
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > limit) stream.destroy(new Refusal('the archive unpacks to too much'))
        else chunks.push(chunk)
      })
      stream.on('end', () => resolve(Buffer.concat(chunks)))
    })
  })
}
