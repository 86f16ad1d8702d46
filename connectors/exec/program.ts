import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, lstat, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { ConnectorError, type Evidence } from '#connector-sdk'

/** Most that a program may say in one call, in bytes. */
const MAX_OUTPUT = 1024 * 1024
/** Between SIGTERM and SIGKILL, in ms. An abort must be over within a second. */
const GRACE_MS = 300

export interface ProgramRun {
  /** Absolute path, from `programPath`. */
  path: string
  /** Written to its standard input. */
  input: string
  timeoutMs: number
  signal: AbortSignal
}

export interface ProgramEnd {
  stdout: string
  stderr: string
  /** Exit code; null when it was killed. */
  code: number | null
  /** Why it was killed, if so. */
  killedFor?: 'timeout' | 'abort' | 'output'
}

/**
 * The program of that name in the operator's directory. Owners choose among the programs there and cannot name
 * another: otherwise registering an app would be running code.
 *
 * @throws ConnectorError unsupported (no directory set, no such program), forbidden (others may write to it)
 */
export async function programPath(directory: string | undefined, name: string): Promise<string> {
  if (directory === undefined) {
    throw new ConnectorError('unsupported', 'the operator set no EXEC_CONNECTOR_DIR')
  }
  const path = join(directory, name)
  try {
    await access(path, constants.X_OK)
  } catch (error) {
    throw new ConnectorError('unsupported', `there is no program ${name}`, { cause: error })
  }
  const file = await lstat(path)
  const isPlain = file.isFile() && (await realpath(path)) === join(await realpath(directory), name)
  if (!isPlain) throw new ConnectorError('forbidden', `${name} is not a plain file`)
  for (const { mode } of [file, await lstat(directory)]) {
    if ((mode & 0o022) !== 0) throw new ConnectorError('forbidden', `others may write to ${name}`)
  }
  return path
}

/**
 * Runs a program without a shell and with an empty environment, in a process group of its own that dies with it.
 *
 * @throws ConnectorError unsupported when it cannot be started, transient when aborted before
 */
export async function runProgram({
  path,
  input,
  timeoutMs,
  signal,
}: ProgramRun): Promise<ProgramEnd> {
  if (signal.aborted) throw new ConnectorError('transient', 'stopped by the hub before it began')
  const child = spawn(path, [], {
    shell: false,
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let killedFor: ProgramEnd['killedFor']
  let sigkill: NodeJS.Timeout | undefined
  const kill = (why: NonNullable<ProgramEnd['killedFor']>): void => {
    if (killedFor !== undefined) return
    killedFor = why
    signalGroup(child, 'SIGTERM')
    sigkill = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS)
  }
  const onAbort = (): void => kill('abort')
  const timer = setTimeout(() => kill('timeout'), timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })

  const collect = (stream: NodeJS.ReadableStream): (() => string) => {
    const chunks: Buffer[] = []
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_OUTPUT) kill('output')
      else chunks.push(chunk)
    })
    return () => Buffer.concat(chunks).toString('utf8')
  }
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  // A program that does not read its input is no fault: its answer tells.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    return {
      stdout: stdout(),
      stderr: stderr(),
      code,
      ...(killedFor === undefined ? {} : { killedFor }),
    }
  } catch (error) {
    throw new ConnectorError('unsupported', 'the program could not be started', { cause: error })
  } finally {
    clearTimeout(timer)
    clearTimeout(sigkill)
    signal.removeEventListener('abort', onAbort)
    // Children it left behind.
    signalGroup(child, 'SIGKILL')
  }
}

/** What a run leaves behind for the record. */
export function programEvidence(
  name: string,
  operation: string,
  end: Pick<ProgramEnd, 'stdout' | 'stderr' | 'code'>,
  at: number,
): Evidence {
  const errors = end.stderr === '' ? '' : `\n--- stderr\n${end.stderr.slice(0, 8_192)}`
  return {
    method: 'EXEC',
    target: `${name} ${operation}`,
    ...(end.code === null ? {} : { status: end.code }),
    at,
    body: `${end.stdout}${errors}`,
  }
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, name)
  } catch (error) {
    // Nobody of the group is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
