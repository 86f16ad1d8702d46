import {
  ConnectorError,
  type Evidence,
  type Facet,
  type Handle,
  type Observation,
} from '#connector-sdk'

/** A user of the host, as `quittance-host read` shows it. */
export interface HostUser {
  name: string
  /** False for root, services and the hub's own user. */
  isPerson: boolean
  locked: boolean
  /** Days since the epoch, or '' for never. */
  expires: string
  expired: boolean
  processes: number
  keys: number
  groups: readonly string[]
  sudo: 'yes' | 'no' | 'unknown'
  /** Is there a file of this name in /etc/sudoers.d? */
  sudoersFile: boolean
}

/** What may stand in a command. Everything else is refused before anything is sent. */
export const USER_NAME = /^[a-z_][a-z0-9_.-]{0,31}$/

/** Reads the blocks of key=value lines. @throws ConnectorError unsupported when they are not what is expected */
export function parseUsers(stdout: string): HostUser[] {
  return stdout
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const fields = new Map(
        block
          .trim()
          .split('\n')
          .map((line) => {
            const [key = '', ...value] = line.split('=')
            return [key, value.join('=')] as const
          }),
      )
      const field = (name: string): string => {
        const value = fields.get(name)
        if (value !== undefined) return value
        throw new ConnectorError('unsupported', `quittance-host says nothing of ${name}`)
      }
      const sudo = field('sudo')
      return {
        name: field('name'),
        isPerson: fields.get('person') !== 'no',
        locked: field('locked') === 'yes',
        expires: field('expires'),
        expired: field('expired') === 'yes',
        processes: count(field('processes')),
        keys: count(field('keys')),
        groups: field('groups')
          .split(',')
          .filter((group) => group !== ''),
        sudo: sudo === 'yes' || sudo === 'no' ? sudo : 'unknown',
        sudoersFile: field('sudoers_file') === 'yes',
      }
    })
}

/** Dead only on a positive sign. @throws ConnectorError unsupported for other facets */
export function stateOf(user: HostUser, facet: Facet): Observation['state'] {
  const { locked, expired, processes, keys, groups, sudo, sudoersFile } = user
  switch (facet) {
    case 'account':
      return locked && expired ? 'dead' : 'live'
    case 'session':
      return processes === 0 ? 'dead' : 'live'
    case 'ssh_key':
      return keys === 0 ? 'dead' : 'live'
    case 'membership':
      if (groups.length > 0 || sudoersFile || sudo === 'yes') return 'live'
      return sudo === 'no' ? 'dead' : 'unknown'
    default:
      throw new ConnectorError('unsupported', `a Linux host knows no ${facet}`)
  }
}

/** What `restore` needs to put back what `revoke` of this facet takes; undefined when it can put back nothing. */
export function undoOf(user: HostUser, facet: Facet): { before: string } | undefined {
  switch (facet) {
    case 'account':
      return { before: `${user.expires === '' ? '-' : user.expires},${user.locked ? 'yes' : 'no'}` }
    case 'ssh_key':
      return { before: '-' }
    case 'membership':
      return { before: user.groups.length === 0 ? '-' : user.groups.join(',') }
    default:
      return undefined
  }
}

/** What is put back where the facts were lost: an account without an end, its password unlocked; the keys that were set aside. */
export const DEFAULT_BEFORE: Partial<Record<Facet, string>> = { account: '-,no', ssh_key: '-' }

/** @returns an observation of one user of a listing or of a look */
export function observed(handle: Handle, user: HostUser, evidence: Evidence): Observation {
  const state = stateOf(user, handle.facet)
  return { handle, state, at: evidence.at, evidence, keys: { userName: user.name } }
}

function count(text: string): number {
  if (/^[0-9]+$/.test(text)) return Number(text)
  throw new ConnectorError('unsupported', 'quittance-host counts in something other than digits')
}
