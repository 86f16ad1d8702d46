import { z } from 'zod'
import type { Principal } from '../auth/principal.ts'
import type { Connector } from '../connector-sdk/contract.ts'
import type { LaneDesk } from '../revocation/lane-desk.ts'
import type { AppRecord } from '../revocation/types.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { Transaction } from '../shared/transaction.ts'
import { ADMINS, mayRead, OPERATORS, OPERATORS_AND_OWNERS, VIEWERS_AND_OWNERS } from './access.ts'
import { type Act, wordOf } from './acts.ts'
import { type ConnectorOpener, checkApp, checkLine } from './app-check.ts'
import { appChange, checkAgainstConnector, newApp } from './app-input.ts'
import { etagOf, idField, instantField, instants, present, stale, versionOf } from './fields.ts'
import { type Call, defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

/** The registry of apps, as this room needs it. */
interface AppsPort {
  all(): Promise<AppRecord[]>
  app(id: string): Promise<AppRecord | null>
  insert(app: AppRecord, tx?: Transaction): Promise<void>
  replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
  invalidate(): void
}

/** Secrets can be written here and never read. */
interface SecretsPort {
  put(appId: string, secrets: Readonly<Record<string, string>>, tx?: Transaction): Promise<void>
  remove(appId: string, names: readonly string[], tx?: Transaction): Promise<void>
  names(appId: string): Promise<string[]>
}

export interface AppsParts {
  apps: AppsPort
  secrets: SecretsPort
  connectors: ReadonlyMap<string, Connector>
  runner: ConnectorOpener
  /** Does the group exist? A misspelt group would cover nobody. */
  groupExists(sourceId: string, groupId: string): Promise<boolean>
  sourceExists(sourceId: string): Promise<boolean>
  /** Takes up what waited for a credential or a setting of the app. */
  desk?: Pick<LaneDesk, 'release'>
  /** Called after an app has been resumed or changed, so that waiting work is looked at at once. */
  poke?(): void
  publicUrl: string
  clock: Clock
}

const appAnswer = z.object({
  id: z.string(),
  name: z.string(),
  connectorId: z.string(),
  config: z.record(z.string(), z.unknown()),
  secrets: z.array(z.string()).meta({ description: 'Names of the secrets that are set' }),
  scope: z.record(z.string(), z.unknown()),
  class: z.int(),
  owners: z.array(z.string()),
  state: z.enum(['active', 'paused']),
  removedAt: instantField.optional().meta({ description: 'Since then it covers nobody' }),
  allowNetworks: z.array(z.string()),
  createdAt: instantField,
  updatedAt: instantField,
})

const params = z.object({ id: idField })
const oneApp = { 200: { description: 'The app, with its ETag', schema: appAnswer } }

/** Registered applications. */
export function appRoutes(parts: AppsParts): Route[] {
  const { apps, secrets, connectors, clock } = parts

  const show = async (app: AppRecord): Promise<z.infer<typeof appAnswer>> =>
    showWith(app, await secrets.names(app.id))
  const showWith = (app: AppRecord, names: readonly string[]): z.infer<typeof appAnswer> => ({
    id: app.id,
    name: app.name,
    connectorId: app.connectorId,
    config: app.config as Record<string, unknown>,
    secrets: [...names],
    scope: { ...app.scope },
    class: app.class,
    owners: [...app.owners],
    state: app.state,
    ...instants({ removedAt: app.removedAt }),
    allowNetworks: [...app.allowNetworks],
    createdAt: iso(app.createdAt),
    updatedAt: iso(app.updatedAt),
  })
  const answer = async (app: AppRecord, status = 200) => ({
    status,
    headers: { ETag: etagOf(app.version) },
    json: await show(app),
  })

  const load = async (id: string, principal: Principal): Promise<AppRecord> => {
    const app = await apps.app(id)
    if (app === null || !mayRead(principal, app)) {
      throw new HubError('ERR_NOT_FOUND', 'there is no such app')
    }
    return app
  }

  const connectorOf = (id: string): Connector => {
    const connector = connectors.get(id)
    if (connector !== undefined) return connector
    const known = [...connectors.keys()].sort().join(', ')
    throw invalid([{ pointer: '/connectorId', message: `is not installed; known: ${known}` }])
  }

  const checkScope = async (scope: AppRecord['scope']): Promise<void> => {
    const missing =
      scope.kind === 'everyone'
        ? await absent(scope.sourceIds ?? [], (id) => parts.sourceExists(id))
        : await absent(scope.groups, (group) => parts.groupExists(group.sourceId, group.groupId))
    const list = scope.kind === 'everyone' ? 'sourceIds' : 'groups'
    if (missing.length > 0) {
      throw invalid(
        missing.map((at) => ({ pointer: `/scope/${list}/${at}`, message: 'does not exist' })),
      )
    }
  }

  const setState = async (
    {
      params: { id },
      principal,
      acts,
    }: Pick<Call<{ id: string }, unknown, unknown>, 'params' | 'principal' | 'acts'>,
    state: 'active' | 'paused',
  ): Promise<AppRecord> => {
    const app = await load(id, principal)
    const isSame = app.state === state
    const after = isSame ? app : { ...app, state, updatedAt: clock.now(), version: app.version + 1 }
    await acts.in(async (tx, act) => {
      if (!isSame && !(await apps.replace(after, app.version, tx))) throw stale()
      await act({ entry: { type: state === 'paused' ? 'app.paused' : 'app.resumed', app: id } })
    })
    apps.invalidate()
    parts.poke?.()
    return after
  }

  return [
    defineRoute({
      method: 'POST',
      path: '/apps',
      summary: 'Register an application',
      allow: ADMINS,
      body: newApp,
      answers: { 201: { description: 'Registered and in force', schema: appAnswer } },
      handle: async ({ body, acts }) => {
        const { secrets: values, ...rest } = body
        const connector = connectorOf(rest.connectorId)
        checkAgainstConnector(connector, rest.config, Object.keys(values))
        const scope = present(rest.scope) as AppRecord['scope']
        await checkScope(scope)
        const now = clock.now()
        const app: AppRecord = {
          id: newId(),
          ...rest,
          scope,
          state: 'active',
          createdAt: now,
          updatedAt: now,
          version: 1,
        }
        await acts.in(async (tx, act) => {
          await secrets.put(app.id, values, tx)
          await apps.insert(app, tx)
          await act({
            entry: {
              type: 'app.registered',
              app: app.id,
              class: app.class,
              connector: `${connector.manifest.id}@${connector.manifest.version}`,
            },
            said: { after: showWith(app, Object.keys(values)) },
          })
        })
        apps.invalidate()
        const made = await answer(app, 201)
        return {
          ...made,
          headers: { ...made.headers, Location: `${parts.publicUrl}/api/v1/apps/${app.id}` },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/apps',
      summary: 'List the apps that you may read',
      allow: VIEWERS_AND_OWNERS,
      answers: {
        200: {
          description: 'In the order of registration',
          schema: z.object({ items: z.array(appAnswer) }),
        },
      },
      handle: async ({ principal }) => {
        const readable = (await apps.all()).filter((app) => mayRead(principal, app))
        return { status: 200, json: { items: await Promise.all(readable.map(show)) } }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/apps/{id}',
      summary: 'Read one app; its secrets are never shown',
      allow: VIEWERS_AND_OWNERS,
      params,
      answers: oneApp,
      handle: async ({ params: { id }, principal }) => answer(await load(id, principal)),
    }),

    defineRoute({
      method: 'PATCH',
      path: '/apps/{id}',
      summary: 'Change an app; needs If-Match. Secrets that are not named stay, `null` removes one',
      allow: ADMINS,
      params,
      body: appChange,
      answers: oneApp,
      handle: async ({ params: { id }, body, principal, headers, acts }) => {
        const version = versionOf(headers['if-match'])
        const before = await load(id, principal)
        if (before.version !== version) throw stale()
        const { secrets: changed = {}, ...rest } = body
        const set = Object.entries(changed).filter(
          (entry): entry is [string, string] => entry[1] !== null,
        )
        const removed = Object.keys(changed).filter((name) => changed[name] === null)
        const after = {
          ...before,
          ...present(rest),
          updatedAt: clock.now(),
          version: version + 1,
        } as AppRecord
        const names = new Set([...(await secrets.names(id)), ...set.map(([name]) => name)])
        for (const name of removed) names.delete(name)
        checkAgainstConnector(connectorOf(before.connectorId), after.config, [...names])
        if (rest.scope !== undefined) await checkScope(after.scope)
        if (after.class > before.class) {
          throw new HubError(
            'ERR_FORBIDDEN',
            'a laxer class needs a second person; propose it at /approvals',
          )
        }
        await acts.in(async (tx, act) => {
          if (!(await apps.replace(after, version, tx))) throw stale()
          await secrets.put(id, Object.fromEntries(set), tx)
          await secrets.remove(id, removed, tx)
          for (const entry of changesOf(before, after, Object.keys(changed), rest)) {
            const said = { after: showWith(after, [...names]) }
            await act(entry.type === 'app.changed' ? { entry, said } : { entry })
          }
        })
        apps.invalidate()
        await parts.desk?.release(id)
        parts.poke?.()
        return await answer(after)
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/apps/{id}/test',
      summary:
        'Test the connection: one line per facet and operation. Nothing is changed in the app',
      allow: OPERATORS_AND_OWNERS,
      params,
      changesNothing: true,
      answers: {
        200: {
          description: 'All lines; `ok` when each of them is',
          schema: z.object({ ok: z.boolean(), checks: z.array(checkLine) }),
        },
      },
      handle: async ({ params: { id }, principal, signal }) => {
        const app = await load(id, principal)
        const hasWitness = (await secrets.names(id)).some((name) => name.startsWith('witness'))
        const checks = await checkApp(parts.runner, app, { hasWitness, signal })
        return { status: 200, json: { ok: checks.every((line) => line.ok), checks } }
      },
    }),

    defineRoute({
      method: 'POST',
      path: '/apps/{id}/pause',
      summary: 'Send nothing more to the app. Its revocations stay due and their clocks run',
      allow: OPERATORS,
      params,
      answers: oneApp,
      handle: async (call) => answer(await setState(call, 'paused')),
    }),

    defineRoute({
      method: 'POST',
      path: '/apps/{id}/resume',
      summary: 'Work on the app again, what is overdue first',
      allow: OPERATORS,
      params,
      answers: oneApp,
      handle: async (call) => answer(await setState(call, 'active')),
    }),
  ]
}

/** What a change is called in the ledger. */
function changesOf(
  before: AppRecord,
  after: AppRecord,
  secretNames: readonly string[],
  changed: object,
): Act['entry'][] {
  const app = before.id
  const fields = Object.keys(present(changed)).map(wordOf)
  const secrets = secretNames.map(wordOf)
  const { class: from } = before
  return [
    ...(fields.length === 0 && secrets.length > 0
      ? []
      : [
          {
            type: 'app.changed' as const,
            app,
            fields,
            ...(from === after.class ? {} : { class: { from, to: after.class } }),
          },
        ]),
    ...(secrets.length === 0 ? [] : [{ type: 'app.secrets_changed' as const, app, secrets }]),
  ]
}

/** Positions of the items that do not exist. */
async function absent<T>(
  items: readonly T[],
  exists: (item: T) => Promise<boolean>,
): Promise<number[]> {
  const found = await Promise.all(items.map(exists))
  return found.flatMap((there, at) => (there ? [] : [at]))
}
