import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { WormStore } from './worm.ts'

/**
 * A write-once copy in a directory: files appear whole, read-only, and are never written again. Whether nobody can
 * delete them is up to what is mounted there.
 *
 * @param root must exist: a share that is not mounted must not become a folder on the local disk
 */
export function createWormDirectory(root: string): WormStore {
  const read = async (name: string): Promise<Buffer | null> => {
    try {
      return await readFile(join(root, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      // No such file in a directory that is there, or no directory: two different answers.
      await stat(root)
      return null
    }
  }
  return {
    putIfAbsent: async (name, bytes) => {
      const known = await read(name)
      if (known !== null) return known.equals(bytes) ? 'present' : 'other'
      const path = join(root, name)
      await mkdir(dirname(path), { recursive: true })
      // A name that was broken off in the middle could never be put right: written aside, then linked, which fails
      // where the name is taken.
      const aside = `${path}.${randomUUID()}.new`
      await writeSynced(aside, bytes)
      try {
        await link(aside, path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        return (await read(name))?.equals(bytes) === true ? 'present' : 'other'
      } finally {
        await unlink(aside)
      }
      await syncDirectory(dirname(path))
      return 'stored'
    },
    get: read,
    list: async (folder) => {
      await stat(root)
      try {
        const names = await readdir(join(root, folder), { withFileTypes: true })
        return names
          .filter((entry) => entry.isFile() && !entry.name.endsWith('.new'))
          .map((entry) => `${folder}/${entry.name}`)
          .sort()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },
  }
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'wx', 0o444)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
