import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.ts'
import type { TargetsOrder } from './targets-process.ts'

/** How the hub is told about an application, for POST /api/v1/apps. */
export interface TargetApp {
  name: string
  connectorId: string
  config: object
  secrets: Record<string, string>
  /** Revocations that one departure owes here. */
  facets: number
}

/** Applications in a process of their own, with a log of what really happened to them. */
export interface Targets {
  apps: readonly TargetApp[]
  /** From now on they behave; resolves when nothing that was sent before can land any more. */
  heal(): Promise<void>
  /** The log is complete on the disk when this resolves. */
  flush(): Promise<void>
  close(): void
}

/** What each of the interfaces does in turn. */
const KINDS = ['webhook', 'scim', 'sessions', 'scim-etag', 'webhook'] as const

/** @param options.apps how many @param options.log file for the lines of target-log.ts */
export async function startTargets(options: {
  apps: number
  people: number
  seed: number
  log: string
  latencyMs: number
}): Promise<Targets> {
  const kinds = Array.from({ length: options.apps }, (_, i) => KINDS[i % KINDS.length] ?? 'webhook')
  const names = kinds.map((kind, i) => `${i}-${kind}`)
  const child = startChild(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('targets-process.ts', import.meta.url))],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  const ask = async (order: TargetsOrder): Promise<unknown> => {
    child.process.send(order)
    return (await once(child.process, 'message'))[0]
  }
  const { port } = (await ask({ kind: 'start', ...options, apps: names })) as { port: number }
  const origin = `http://127.0.0.1:${port}`
  return {
    apps: kinds.map((kind, i) => appOf(kind, `${origin}/${names[i]}`, names[i] ?? '')),
    heal: async () => void (await ask({ kind: 'heal' })),
    flush: async () => void (await ask({ kind: 'flush' })),
    close: () => child.process.disconnect(),
  }
}

function appOf(kind: (typeof KINDS)[number], base: string, name: string): TargetApp {
  if (kind.startsWith('scim')) {
    const secrets = { token: 'doer', witnessToken: 'witness' }
    const config = { baseUrl: `${base}/scim/v2`, correlateBy: ['userName'] }
    return { name, connectorId: 'scim', config, secrets, facets: 1 }
  }
  const facets = kind === 'sessions' ? ['account', 'session'] : ['account']
  return {
    name,
    connectorId: 'webhook',
    config: { url: `${base}/hook`, facets, correlateBy: ['userName'] },
    secrets: {
      signingSecret: `whsec_${Buffer.from('the secret of the doer, long').toString('base64')}`,
      witnessSigningSecret: `whsec_${Buffer.from('the secret of the witness').toString('base64')}`,
    },
    facets: facets.length,
  }
}
