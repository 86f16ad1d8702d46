import { createHash } from 'node:crypto'
import type { Client } from 'ssh2'
import {
  type CallContext,
  ConnectorError,
  type Evidence,
  type Fault,
  transportFault,
} from '#connector-sdk'
import type { LinuxSshConfig } from './config.ts'

export type Call = CallContext<LinuxSshConfig>

/** Longest answer of one command, in characters. */
const LONGEST = 4 * 1024 * 1024

/** What the script's exit codes mean. See quittance-host.sh. */
const EXIT_CODES: Readonly<Record<number, readonly [Fault, string]>> = {
  64: ['unsupported', 'quittance-host does not know the command: is it of another version?'],
  65: ['invalid', 'the name is none of a user'],
  67: ['gone', 'there is no such user'],
  69: ['unsupported', 'a program that quittance-host needs is missing'],
  75: ['transient', 'a command of the host failed'],
  77: [
    'forbidden',
    'quittance-host refuses: no account of a person, a file that is not theirs, or a key that may only read',
  ],
  126: ['unsupported', 'quittance-host is not installed'],
  127: ['unsupported', 'quittance-host is not installed'],
}

/** One connection, for one call. */
export interface Host {
  /** Runs one of the script's commands. @throws ConnectorError */
  run(
    command: string,
    options?: { writes: boolean },
  ): Promise<{ stdout: string; evidence: Evidence }>
}

/**
 * Connects on a guarded socket to the host whose key is pinned, does the work and closes the connection.
 *
 * @throws ConnectorError
 */
export async function withHost<T>(call: Call, work: (host: Host) => Promise<T>): Promise<T> {
  const { host, port, hostKeys, user, witnessUser } = call.config
  const { privateKey } = call.secrets
  if (privateKey === undefined) throw new ConnectorError('credential', 'privateKey is missing')
  // Loaded when it is needed: most hubs have no such app.
  const { default: ssh2 } = await import('ssh2')
  const socket = await call.net.connect({ host, port, protection: 'upgrade' })
  const client = new ssh2.Client()
  // sshd closes without a word when PAM refuses: whoever waits must hear of that too.
  let failed: (error: Error) => void = () => {}
  const broken = new Promise<never>((_, reject) => {
    failed = reject
  })
  // Every wait below races it; this only says that it may also come while nobody waits.
  broken.catch(() => {})
  let isPinned = true
  let isReady = false
  let hasWritten = false
  client.on('error', failed)
  client.on('close', () => failed(new Error('the host closed the connection')))
  socket.on('error', failed)
  try {
    const ready = new Promise<void>((done) => client.once('ready', done))
    try {
      client.connect({
        sock: socket,
        username: call.credential === 'witness' ? (witnessUser ?? user) : user,
        privateKey,
        hostVerifier: (key: Buffer) => {
          isPinned = hostKeys.includes(fingerprint(key))
          return isPinned
        },
      })
    } catch (error) {
      throw new ConnectorError('credential', 'privateKey is not a private key', { cause: error })
    }
    await Promise.race([ready, broken])
    isReady = true
    return await work({
      run: async (command, { writes } = { writes: false }) => {
        if (writes && call.dryRun) {
          throw new ConnectorError('bug', 'the connector tried to write in a preview')
        }
        hasWritten ||= writes
        const { code, stdout, stderr } = await Promise.race([execute(client, command), broken])
        const evidence: Evidence = {
          method: 'SSH',
          target: command
            .split(' ')
            .slice(0, command.startsWith('re') ? 2 : 1)
            .join(' '),
          status: code,
          at: call.now(),
          body: `$ ${command}\n${stdout}${stderr}`,
        }
        if (code === 0) return { stdout, evidence }
        const known: readonly [Fault, string] = EXIT_CODES[code] ?? ['invalid', `exit code ${code}`]
        const [fault, sentence] = known
        const effect = writes && code === 75 ? 'partial' : 'none'
        throw new ConnectorError(fault, sentence, { effect, evidence })
      },
    })
  } catch (error) {
    throw faultOf(error, { isPinned, isReady, effect: hasWritten ? 'unknown' : 'none' })
  } finally {
    client.end()
    socket.destroy()
  }
}

/** As ssh-keygen prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

function execute(
  client: Client,
  command: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done, fail) => {
    client.exec(command, (error, stream) => {
      if (error !== undefined) return fail(error)
      let stdout = ''
      let stderr = ''
      stream.on('data', (chunk: Buffer) => {
        stdout += chunk.toString()
        if (stdout.length <= LONGEST) return
        stream.destroy()
        fail(new ConnectorError('invalid', 'the answer of the host is too long'))
      })
      stream.stderr.on('data', (chunk: Buffer) => {
        stderr = (stderr + chunk.toString()).slice(-4_000)
      })
      stream.on('close', (code: number | null) =>
        code === null ? fail(new Error('the command was cut off')) : done({ code, stdout, stderr }),
      )
    })
  })
}

function faultOf(
  error: unknown,
  {
    isPinned,
    isReady,
    effect,
  }: { isPinned: boolean; isReady: boolean; effect: 'none' | 'unknown' },
): unknown {
  if (!isPinned) {
    return new ConnectorError('invalid', 'another host answers: its key is not one of hostKeys')
  }
  if (error instanceof ConnectorError) {
    const isOurs = error.evidence !== undefined || error.effect === 'none'
    return isOurs ? error : new ConnectorError(error.fault, error.message, { effect, cause: error })
  }
  if (!(error instanceof Error)) return error
  const { level } = error as { level?: unknown }
  if (level === 'client-authentication') {
    return new ConnectorError('credential', 'the host refuses the hub’s key', { cause: error })
  }
  const what = isReady ? 'the connection broke' : 'no connection came about'
  return new ConnectorError(transportFault(error), what, { effect, cause: error })
}
