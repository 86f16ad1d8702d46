import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, readlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { SECOND } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'

/** Who holds a lock, as far as others can tell. */
interface Holder {
  pid: number
  /** A pid is used again; with its start time it is one process. */
  started: string
  /** Boot and process namespace: pids of other machines and containers say nothing here. Absent: of an older hub. */
  machine?: string
}

export interface LockOptions {
  /** Where pids can be compared. Default: this boot of this machine, and this container. */
  machine?: string
  /** Default 2 s. Who is silent for five beats is dead. */
  beatMs?: number
  /** The lock is somebody else's now, because this process was frozen for long. It must end. */
  onLost?: () => void
}

const BEAT_MS = 2 * SECOND
const SILENT_BEATS = 5

/**
 * Takes the data directory for this process. Two hubs on one embedded database would each believe
 * that they own mongod and the signer's state.
 *
 * A lock of a dead process (kill -9) is taken over: at once where its pid can be looked up, after five beats without a
 * sign of life where it cannot. In containers that share a volume every hub may have pid 1.
 *
 * @returns gives the directory back
 * @throws HubError ERR_DATA_DIR_IN_USE, naming the process that holds it
 */
export async function lockDataDir(
  dataDir: string,
  { machine: given, beatMs = BEAT_MS, onLost = () => {} }: LockOptions = {},
): Promise<() => Promise<void>> {
  const machine = given ?? (await thisMachine())
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'hub.lock')
  const token = randomBytes(8).toString('hex')
  const mine = `${process.pid} ${await startTime(process.pid)} ${machine} ${token}\n`
  while (!(await placed(file, mine))) {
    const text = await textOf(file)
    if (text === undefined) continue
    const holder = parse(text)
    if (holder !== undefined && (await isAlive(holder, { file, text, machine, beatMs }))) {
      throw new HubError(
        'ERR_DATA_DIR_IN_USE',
        `another hub (process ${holder.pid}${holder.machine === machine ? '' : ' of another machine or container'}) holds ${dataDir}; stop it, or set DATA_DIR to another folder`,
      )
    }
    await unlink(file).catch(ignoreMissing)
  }
  const stopBeating = beat({ file, mine, beatMs, onLost })
  return async () => {
    await stopBeating()
    if ((await textOf(file)) === mine) await unlink(file).catch(ignoreMissing)
  }
}

/** Shows others that the holder lives, and the holder that the lock is still its own. */
function beat(lock: {
  file: string
  mine: string
  beatMs: number
  onLost: () => void
}): () => Promise<void> {
  const stop = new AbortController()
  const beats = async (): Promise<void> => {
    // A number that changes, no time: clocks of two machines differ.
    for (let count = 1; ; count += 1) {
      await rest(lock.beatMs, undefined, { signal: stop.signal, ref: false })
      try {
        const text = await textOf(lock.file)
        // Deleted by a cleaner, or by a hand: put back, unless somebody was faster.
        if (text === undefined) await placed(lock.file, lock.mine)
        else if (text !== lock.mine) return lock.onLost()
        await utimes(lock.file, count, count)
      } catch {
        // A share that is away for a moment: the next beat looks again, and tells whose the lock is by then.
      }
    }
  }
  const beating = beats().catch((error: NodeJS.ErrnoException) => {
    if (error.name !== 'AbortError') throw error
  })
  return async () => {
    stop.abort()
    await beating
  }
}

async function isAlive(
  { pid, started, machine }: Holder,
  lock: { file: string; text: string; machine: string; beatMs: number },
): Promise<boolean> {
  if (machine === undefined || machine === lock.machine) return (await startTime(pid)) === started
  const first = await beatOf(lock.file)
  for (let beats = 0; beats < SILENT_BEATS; beats += 1) {
    await rest(lock.beatMs)
    if ((await textOf(lock.file)) !== lock.text) return false
    if ((await beatOf(lock.file)) !== first) return true
  }
  return false
}

/** Opened, so that a network file system asks its server. */
async function beatOf(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      return (await file.stat()).mtimeMs
    } finally {
      await file.close()
    }
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException)
    return undefined
  }
}

function parse(text: string): Holder | undefined {
  const [pid, started, machine] = text.trim().split(' ')
  if (pid === undefined || started === undefined) return undefined
  return {
    pid: Number(pid),
    started,
    ...(machine === undefined ? {} : { machine }),
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException)
    return undefined
  }
}

/** @returns false when a lock is there */
async function placed(file: string, mine: string): Promise<boolean> {
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  await writeFile(draft, mine)
  try {
    return await linked(draft, file)
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

/** From /proc on Linux; the name of the host elsewhere. One word. */
async function thisMachine(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()}/${await readlink('/proc/self/ns/pid')}`
  } catch {
    // No such files: no Linux, or a very closed container. Its name tells it from others.
    return hostname().replaceAll(/\s/g, '-')
  }
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
