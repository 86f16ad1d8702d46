import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import ssh2, { type Client } from 'ssh2'
import { findProgram, freePort, isAvailable, serverDirectory, startProgram } from './process.ts'

/** A key pair of somebody. */
export interface Key {
  private: string
  /** One line of authorized_keys. */
  public: string
}

/**
 * A real sshd with PAM on a port of 127.0.0.1, in namespaces of its own: users are made and locked in a copy of /etc, and
 * only its own processes can be killed. This machine's users are not touched.
 */
export interface SshdServer {
  port: number
  pid: number
  /** Fingerprint of the host key. */
  hostKey: string
  /** Where the script is, in there. */
  script: string
  /** Runs a command in there, as root. */
  inside(command: string): { status: number; stdout: string }
  /** A connection of somebody; rejects when they are not let in. */
  login(user: string, key: Key): Promise<Client>
  stop(): Promise<void>
}

const programs = [
  'sshd',
  'unshare',
  'nsenter',
  'setpriv',
  'useradd',
  'usermod',
  'gpasswd',
  'pgrep',
  'su',
]
const missing = programs.filter((name) => findProgram(name) === undefined)

/** Can a host be simulated here? See isAvailable. No installation helps a machine that grants no namespaces. */
export const hasSshd = (): boolean => {
  if (missing.length > 0) return isAvailable('Linux host', `${missing.join(', ')} not found`)
  const namespaces = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0
  if (!namespaces) console.warn('tests on a Linux host do not run: no namespaces can be made here')
  return namespaces
}

export function makeKey(): Key {
  const pair = ssh2.utils.generateKeyPairSync('ed25519')
  return { private: pair.private, public: pair.public }
}

/**
 * @param script a program that root's keys are tied to, as `script do|read "$SSH_ORIGINAL_COMMAND"`
 */
export async function startSshd(options: {
  script: string
  doer: Key
  witness: Key
}): Promise<SshdServer> {
  const directory = serverDirectory('sshd', undefined)
  const { path } = directory
  // Their own users look at these paths.
  chmodSync(path, 0o755)
  const script = join(path, 'quittance-host')
  copyFileSync(options.script, script)
  chmodSync(script, 0o755)
  const hostKey = makeKey()
  const line = (role: string, { public: key }: Key): string =>
    `restrict,command="${script} ${role} \\"$SSH_ORIGINAL_COMMAND\\"" ${key}\n`
  writeFileSync(join(path, 'host_key'), hostKey.private, { mode: 0o600 })
  writeFileSync(join(path, 'host_key.pub'), hostKey.public)
  writeFileSync(join(path, 'root_keys'), line('do', options.doer) + line('read', options.witness), {
    mode: 0o600,
  })
  const port = await freePort()
  writeFileSync(
    join(path, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path}/host_key`,
      `PidFile ${path}/pid`,
      'UsePAM yes',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin forced-commands-only',
      'MaxStartups 100',
      'StrictModes no',
      'UseDNS no',
      'Match User root',
      `  AuthorizedKeysFile ${path}/root_keys`,
    ].join('\n'),
  )
  mkdirSync(join(path, 'layers'))
  const setUp = [
    'set -e',
    `mount -t tmpfs none ${path}/layers`,
    `mkdir -p ${path}/layers/etc ${path}/layers/work`,
    `mount -t overlay none -o lowerdir=/etc,upperdir=${path}/layers/etc,workdir=${path}/layers/work /etc`,
    'mount -t tmpfs none /home',
    'mount -t tmpfs none /run && mkdir -p /run/sshd',
    // Who is nobody's business in here may not keep people out.
    'rm -f /etc/nologin',
    `exec ${findProgram('sshd')} -D -e -f ${path}/sshd_config`,
  ].join('\n')
  const server = await startProgram(
    {
      command: findProgram('unshare') ?? 'unshare',
      args: ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', setUp],
      // unshare does not listen to anything milder; whatever runs inside ends with it.
      stopWith: 'SIGKILL',
    },
    () => listens(port),
  )
  // The first process inside, of which the namespaces are.
  const inner = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim()
  const fingerprint = execFileSync('ssh-keygen', ['-lf', join(path, 'host_key.pub')])
  return {
    port,
    pid: server.pid,
    script,
    hostKey: fingerprint.toString().split(' ')[1] ?? '',
    inside: (command) => {
      const { status, stdout, stderr } = spawnSync('nsenter', [
        '-t',
        inner,
        '-m',
        '-p',
        'sh',
        '-c',
        command,
      ])
      return { status: status ?? 1, stdout: `${stdout}${stderr}` }
    },
    login: (user, key) =>
      new Promise((done, fail) => {
        const client = new ssh2.Client()
        client.once('ready', () => done(client))
        client.on('error', fail)
        client.on('close', () => fail(new Error('not let in')))
        client.connect({ host: '127.0.0.1', port, username: user, privateKey: key.private })
      }),
    stop: async () => {
      await server.stop()
      directory.remove()
    },
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}
