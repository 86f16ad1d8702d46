import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { HubError } from '../shared/errors.ts'
import type { RightEdge } from './tree.ts'

/** What the signer has last put its name to. */
export interface SignerState {
  origin: string
  edge: RightEdge
  /** 32 bytes. */
  root: Buffer
  /** vkeys of the log that signed; tells when a rotation may be finished. */
  signedBy?: readonly string[]
}

/**
 * The signer's memory. It is outside of the database on purpose: a database that is set back, edited or
 * forked cannot take this with it.
 */
export interface SignerStateFile {
  /** @throws HubError ERR_LEDGER when there is a file that cannot be read: that is not the same as none */
  load(): Promise<SignerState | undefined>
  /**
   * Durable when it returns.
   *
   * @throws HubError ERR_LEDGER when what is kept by now is longer, or another log: somebody else signs with this memory
   */
  save(state: SignerState): Promise<void>
}

const schema = z.strictObject({
  version: z.literal(1),
  origin: z.string(),
  size: z.int().min(0),
  root: z.base64(),
  levels: z.array(z.base64().or(z.literal(''))),
  signedBy: z.array(z.string()).optional(),
})

export function createSignerStateFile(path: string): SignerStateFile {
  const load = async (): Promise<SignerState | undefined> => {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    return parse(text, path)
  }
  return {
    load,
    save: async ({ origin, edge, root, signedBy }) => {
      const kept = await load()
      if (kept !== undefined && !mayFollow(kept, { edge, root })) {
        throw new HubError(
          'ERR_LEDGER',
          `${path} remembers ${kept.edge.size} entries, signed by another signer; ${edge.size} are not written over it`,
        )
      }
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const levels = edge.levels.map((bytes) => bytes.toString('base64'))
      const text = JSON.stringify({
        version: 1,
        origin,
        size: edge.size,
        root: root.toString('base64'),
        levels,
        ...(signedBy === undefined ? {} : { signedBy }),
      })
      await replaceFile(path, `${text}\n`)
    },
  }
}

/** A memory only grows; of the same size, it is the same log. */
function mayFollow(kept: SignerState, next: Pick<SignerState, 'edge' | 'root'>): boolean {
  return next.edge.size === kept.edge.size
    ? next.root.equals(kept.root)
    : next.edge.size > kept.edge.size
}

function parse(text: string, path: string): SignerState {
  try {
    const { origin, size, root, levels, signedBy } = schema.parse(JSON.parse(text))
    const edge = { size, levels: levels.map((level) => Buffer.from(level, 'base64')) }
    return {
      origin,
      edge,
      root: Buffer.from(root, 'base64'),
      ...(signedBy === undefined ? {} : { signedBy }),
    }
  } catch (error) {
    throw new HubError('ERR_LEDGER', `${path} is damaged; restore it, do not delete it`, {
      cause: error,
    })
  }
}

/** Whole or not at all, also through a power cut: file and directory are synced around the rename. */
async function replaceFile(path: string, text: string): Promise<void> {
  // Two processes that share the directory must not write into one another's file.
  const temporary = `${path}.${process.pid}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
