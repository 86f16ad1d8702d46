import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isAvailable, type RunningServer, startProgram } from './process.ts'

/** The package and the lock of all it needs. */
export const JACKSON_LOCK = join(import.meta.dirname, '../../second-server')

/**
 * Where SAML Jackson is installed: outside of the checkout, since it is large and no part of the hub. A change of the lock is
 * another folder; it is there only when it is complete.
 */
export function jacksonFolder(): string {
  const lock = readFileSync(join(JACKSON_LOCK, 'package-lock.json'))
  const version = createHash('sha256').update(lock).digest('hex').slice(0, 12)
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'quittance-test', `saml-jackson-${version}`)
}

/** May tests that need SAML Jackson run? @throws Error where services are required and it is not there */
export function hasJackson(): boolean {
  const isThere = existsSync(jacksonFolder())
  return isAvailable(
    'SAML Jackson',
    isThere ? undefined : `${jacksonFolder()} is missing (npm run install:second-server)`,
  )
}

/** A running SAML Jackson, which keeps what it is told in memory. */
export interface JacksonServer extends RunningServer {
  /** Adds a directory: a tenant with a SCIM interface and one bearer token of its own. */
  createDirectory(): Promise<JacksonDirectory>
}

export interface JacksonDirectory {
  /** Base URL of its SCIM interface. */
  url: string
  token: string
  /** Sends a SCIM request and answers with its body. @throws Error when the status is not 2xx */
  scim(method: string, path: string, body?: object): Promise<Record<string, unknown>>
  /** What the server keeps, and what it told the application behind it. */
  inside(): Promise<JacksonInside>
  /** The owner switches the directory off: Jackson then answers 200 and an empty object to everything. */
  deactivate(): Promise<void>
}

export interface JacksonInside {
  users: readonly { id: string; active: unknown; raw: Record<string, unknown> }[]
  /** Memberships of all groups. */
  members: readonly { user_id: string }[]
  told: readonly { event: string; data: { id: string; active?: unknown } }[]
}

/** Starts it on a free port, in a process of its own. */
export async function startJackson(): Promise<JacksonServer> {
  const program = join(import.meta.dirname, 'jackson-server.mjs')
  const server = await startProgram(
    // Telemetry of the package would look for a collector.
    {
      command: process.execPath,
      args: [program, `${jacksonFolder()}/`],
      env: { ...process.env, DO_NOT_TRACK: '1', BOXYHQ_NO_ANALYTICS: '1' },
    },
    (log) => /^ready /m.test(log),
    55_000,
  )
  const origin = /^ready (\S+)/m.exec(server.log())?.[1] ?? ''
  const createDirectory = async (): Promise<JacksonDirectory> => {
    const made = await sent('POST', `${origin}/directories`, { tenant: crypto.randomUUID() })
    const { id, scim } = made as { id: string; scim: { endpoint: string; secret: string } }
    return {
      url: scim.endpoint,
      token: scim.secret,
      scim: (method, path, body) => sent(method, `${scim.endpoint}${path}`, body, scim.secret),
      inside: async () =>
        (await sent('GET', `${origin}/directories/${id}/inside`)) as unknown as JacksonInside,
      deactivate: async () => {
        await sent('PATCH', `${origin}/directories/${id}`, { deactivated: true })
      },
    }
  }
  return { ...server, createDirectory }
}

async function sent(
  method: string,
  url: string,
  body?: object,
  token?: string,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`)
  return JSON.parse(text) as Record<string, unknown>
}
