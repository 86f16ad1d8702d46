import type { HeardCall } from '../auth/heartbeat-recorder.ts'
import type { SourceAuthenticator, SourceIdentity } from '../auth/source-authenticator.ts'
import type { DirectoryStore } from '../directory/store.ts'
import type { ChangeCall, Directory } from '../intake/directory.ts'
import type { Clock, Instant } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { Json, JsonObject } from '../shared/json.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Dialect } from './dialect.ts'
import type { ExtensionDefinition } from './extension.ts'
import type { DeactivationEvent } from './leaving.ts'

/** What the SCIM room is built from. */
export interface ScimParts {
  directory: Directory
  store: DirectoryStore
  authenticator: SourceAuthenticator
  clock: Clock
  /**
   * Origin (and path prefix) under which clients reach the hub, e.g. `https://hub.example.com`; locations
   * are built on it. Absent: from the Host header of each request.
   */
  publicUrl?: string | undefined
  /** Schema extensions beside the enterprise user. Default: none. */
  extensions?: readonly ExtensionDefinition[]
  newId(): string
  log?: Pick<Log, 'error' | 'warn'> | undefined
  metrics?: Pick<Metrics, 'authenticationFailed'> | undefined
  /** Told of every answer to an authenticated request. Must not throw. */
  onAnswered?(call: HeardCall): void
  /** Told when a deactivation was refused, or done without operations beside it. Must not throw. */
  onDeactivation?(event: DeactivationEvent): void
  /** After so many milliseconds a request is answered 503; its work goes on, and its repetition is harmless. */
  budgetMs: number
}

/** One authenticated request, HTTP taken off. */
export interface ScimCall {
  identity: SourceIdentity
  dialect: Dialect
  /** Absolute URL of the source's SCIM root, e.g. `https://hub.example.com/scim/okta/v2`. */
  base: string
  requestId: string
  receivedAt: Instant
  query: URLSearchParams
  ifMatch?: string | undefined
  ifNoneMatch?: string | undefined
}

export interface ScimAnswer {
  status: number
  headers?: Readonly<Record<string, string>>
  body?: JsonObject
}

/** The verbs of one resource type. Each throws HubErrors; see `Directory` and `DirectoryStore`. */
export interface ResourceVerbs {
  read(call: ScimCall, id: string): Promise<ScimAnswer>
  create(call: ScimCall, body: Json, bulk?: 'bulk'): Promise<ScimAnswer>
  replace(call: ScimCall, id: string, body: Json, bulk?: 'bulk'): Promise<ScimAnswer>
  modify(call: ScimCall, id: string, body: Json, bulk?: 'bulk'): Promise<ScimAnswer>
  remove(call: ScimCall, id: string, bulk?: 'bulk'): Promise<ScimAnswer>
}

type Verb = 'post' | 'patch' | 'put' | 'delete'

/**
 * What the directory must know of a change.
 *
 * @param currentVersion of the resource; asked only when If-Match names several versions
 * @throws HubError ERR_PRECONDITION when If-Match cannot hold
 */
export async function changeCall(
  call: ScimCall,
  verb: Verb,
  bulk: 'bulk' | undefined,
  currentVersion: () => Promise<number | undefined>,
): Promise<ChangeCall> {
  const versions = versionsOf(call.ifMatch)
  let ifMatch = versions === 'any' ? undefined : versions[0]
  if (versions !== 'any' && versions.length !== 1) {
    const current = await currentVersion()
    if (current !== undefined && !versions.includes(current)) {
      throw new HubError('ERR_PRECONDITION', 'the resource has another version now')
    }
    ifMatch = current
  }
  return {
    sourceId: call.identity.sourceId,
    cause: {
      kind: bulk === undefined ? `scim.${verb}` : 'scim.bulk',
      requestId: call.requestId,
      receivedAt: call.receivedAt,
    },
    ...(ifMatch === undefined ? {} : { ifMatch }),
  }
}

/** Whether If-None-Match names this version: then the client has it already. */
export function isKnown(call: ScimCall, version: number): boolean {
  if (call.ifNoneMatch === undefined) return false
  const versions = versionsOf(call.ifNoneMatch)
  return versions === 'any' || versions.includes(version)
}

/** The versions in an If-Match or If-None-Match header; a tag that is none of ours matches nothing. */
function versionsOf(header: string | undefined): 'any' | number[] {
  if (header === undefined || header.trim() === '*') return 'any'
  return header.split(',').flatMap((tag) => {
    const version = /^\s*(?:W\/)?"(\d{1,15})"\s*$/.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}
