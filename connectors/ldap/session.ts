import type { TLSSocket } from 'node:tls'
import { type Change, Client, type Filter } from 'ldapts'
import { type CallContext, ConnectorError, type Effect } from '#connector-sdk'
import type { LdapConfig } from './config.ts'
import type { Entry } from './entry.ts'
import { ldapFault } from './fault.ts'

export type Call = CallContext<LdapConfig>

export interface Found {
  entries: readonly Entry[]
  /** False when part of the tree is on another server. */
  complete: boolean
}

/** One connection, bound as the hub, for one call. */
export interface Session {
  /** All entries below a base, or the base alone. @throws ConnectorError invalid when there are more than maxEntries */
  search(
    base: string,
    filter: Filter,
    attributes: readonly string[],
    scope?: 'sub' | 'base',
  ): Promise<Found>
  /** All changes of one entry at once, or none. */
  modify(dn: string, changes: readonly Change[]): Promise<void>
}

/**
 * Opens a connection on a guarded socket, binds, does the work and closes it.
 *
 * @param what for messages, e.g. `lock the account`
 * @throws ConnectorError
 */
export async function withSession<T>(
  call: Call,
  what: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  let mayHaveDone: Effect = 'none'
  let hasDone = false
  let client: Client | undefined
  try {
    client = await connect(call)
    const open = client
    const { bindDn, witnessBindDn, maxEntries } = call.config
    const isWitness = call.credential === 'witness'
    await open.bind(
      isWitness ? (witnessBindDn ?? bindDn) : bindDn,
      // An empty password would be an anonymous bind that succeeds (RFC 4513 §5.1.2).
      requiredPassword(call),
    )
    return await work({
      search: async (base, filter, attributes, scope = 'sub') => {
        const entries: Entry[] = []
        let complete = true
        const options = { filter, attributes: [...attributes], scope, paged: { pageSize: 500 } }
        const pages = open.searchPaginated(base, {
          ...options,
          explicitBufferAttributes: ['objectGUID'],
        })
        for await (const { searchEntries, searchReferences } of pages) {
          entries.push(...searchEntries)
          complete &&= searchReferences.length === 0
          if (entries.length > maxEntries) {
            throw new ConnectorError('invalid', `more than ${maxEntries} entries in one search`)
          }
        }
        return { entries, complete }
      },
      modify: async (dn, changes) => {
        if (call.dryRun)
          throw new ConnectorError('bug', 'the connector tried to write in a preview')
        mayHaveDone = 'unknown'
        await open.modify(dn, [...changes])
        hasDone = true
      },
    })
  } catch (error) {
    throw ldapFault(error, { what, at: call.now(), mayHaveDone, hasDone })
  } finally {
    // The work is done or failed: what goes wrong with the good-bye changes nothing.
    client?.unbind().catch(() => {})
  }
}

/** A connection that nobody is bound on yet, encrypted as configured. @throws ConnectorError, and what ldapts throws */
export async function connect(call: Call): Promise<Client> {
  const { host, security, ca, port = security === 'ldaps' ? 636 : 389 } = call.config
  const target = { host, ...(ca === undefined ? {} : { ca }) }
  const protection = { ldaps: 'tls', starttls: 'upgrade', none: 'none' } as const
  const socket = await call.net.connect({ ...target, port, protection: protection[security] })
  let isGiven = false
  // ldapts would connect again by itself after a break: the socket is given once.
  const once = (): typeof socket => {
    if (isGiven)
      throw new ConnectorError('transient', 'the connection broke', { effect: 'unknown' })
    isGiven = true
    return socket
  }
  const isTls = security === 'ldaps'
  const client = new Client({
    url: `${isTls ? 'ldaps' : 'ldap'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...(isTls ? { createSecureConnection: () => once() as TLSSocket } : { createConnection: once }),
  })
  if (security === 'starttls') await client.startTLS(call.net.tls(target))
  return client
}

function requiredPassword({ secrets }: Call): string {
  const { password } = secrets
  if (password !== undefined && password !== '') return password
  throw new ConnectorError('credential', 'password is missing')
}
