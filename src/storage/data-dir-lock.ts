import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HubError } from '../shared/errors.ts'

/**
 * Takes the data directory for this process. Two hubs on one embedded database would each believe
 * that they own mongod and the signer's state.
 *
 * A lock of a dead process (kill -9) is taken over. The process start time is kept beside the pid,
 * because pids are used again.
 *
 * @returns gives the directory back
 * @throws HubError ERR_DATA_DIR_IN_USE, naming the process that holds it
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'hub.lock')
  const mine = `${process.pid} ${await startTime(process.pid)}\n`
  const draft = `${file}.${process.pid}`
  await writeFile(draft, mine)
  try {
    for (;;) {
      if (await linked(draft, file)) return () => unlink(file)
      const holder = await readFile(file, 'utf8').catch(() => '')
      const [pid, started] = holder.trim().split(' ')
      if (pid !== undefined && pid !== '' && (await startTime(Number(pid))) === started) {
        throw new HubError(
          'ERR_DATA_DIR_IN_USE',
          `another hub (process ${pid}) holds ${dataDir}; stop it, or set DATA_DIR to another folder`,
        )
      }
      await unlink(file).catch(ignoreMissing)
    }
  } finally {
    await unlink(draft)
  }
}

/** A hard link appears whole or not at all: nobody ever reads half a lock. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** Start time of a living process: from /proc on Linux, a constant elsewhere; '' for a dead one. */
async function startTime(pid: number): Promise<string> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return ''
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'alive'
}
