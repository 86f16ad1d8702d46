import { z } from 'zod'
import type { Principal } from '../auth/principal.ts'
import type { Connector } from '../connector-sdk/contract.ts'
import type { LaneDesk } from '../revocation/lane-desk.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import { newId } from '../shared/ids.ts'
import type { Transaction } from '../shared/transaction.ts'
import { ADMINS, mayRead, VIEWERS_AND_OWNERS } from './access.ts'
import { type Act, wordOf } from './acts.ts'
import { appActRoutes } from './app-acts.ts'
import { appAnswer, showApp } from './app-answer.ts'
import type { ConnectorOpener } from './app-check.ts'
import { refuseAlone, refuseWithoutSecrets } from './app-guards.ts'
import {
  appChange,
  checkAgainstConnector,
  checkScope,
  newApp,
  type ScopeParts,
} from './app-input.ts'
import { type AppSecretsParts, createAppSecrets, secretsChange } from './app-secrets.ts'
import { etagOf, idField, pageOf, present, stale, versionOf } from './fields.ts'
import { registryPage, registryQuery } from './registry-page.ts'
import { defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

/** The registry of apps, as this room needs it. */
interface AppsPort {
  all(): Promise<AppRecord[]>
  app(id: string): Promise<AppRecord | null>
  insert(app: AppRecord, tx?: Transaction): Promise<void>
  replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
  invalidate(): void
}

export interface AppsParts extends AppSecretsParts, ScopeParts {
  apps: AppsPort
  connectors: ReadonlyMap<string, Connector>
  runner: ConnectorOpener
  /** Takes up what waited for a credential or a setting of the app. */
  desk?: Pick<LaneDesk, 'release'>
  /** Called after an app has been resumed or changed, so that waiting work is looked at at once. */
  poke?(): void
  publicUrl: string
  clock: Clock
}

const params = z.object({ id: idField })
const oneApp = { 200: { description: 'The app, with its ETag', schema: appAnswer } }

/** Registered applications. */
export function appRoutes(parts: AppsParts): Route[] {
  const { apps, connectors, clock } = parts
  const appSecrets = createAppSecrets(parts)

  const answer = async (app: AppRecord, status = 200) => ({
    status,
    headers: { ETag: etagOf(app.version) },
    json: showApp(app, await appSecrets.facts(app)),
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

  return [
    defineRoute({
      method: 'POST',
      path: '/apps',
      summary: 'Register an application',
      allow: ADMINS,
      body: newApp,
      answers: { 201: { description: 'Registered and in force', schema: appAnswer } },
      handle: async ({ body, acts }) => {
        const { secrets: values, secretsExpireAt: expireAt, ...rest } = body
        const connector = connectorOf(rest.connectorId)
        checkAgainstConnector(connector, rest.config, Object.keys(values), values)
        const secrets = secretsChange(NO_SECRETS, { secrets: values, expireAt })
        const scope = present(rest.scope) as AppRecord['scope']
        await checkScope(scope, parts)
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
          await apps.insert(app, tx)
          await appSecrets.write(app.id, secrets, tx)
          await act({
            entry: {
              type: 'app.registered',
              app: app.id,
              class: app.class,
              connector: `${connector.manifest.id}@${connector.manifest.version}`,
            },
            said: { after: showApp(app, secrets.after) },
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
      query: registryQuery,
      answers: {
        200: { description: 'In the order of registration', schema: pageOf(appAnswer) },
      },
      handle: async ({ principal, query }) => {
        const readable = (await apps.all()).filter((app) => mayRead(principal, app))
        const { items, ...next } = registryPage(readable, query)
        const shown = items.map(async (app) => showApp(app, await appSecrets.facts(app)))
        return { status: 200, json: { items: await Promise.all(shown), ...next } }
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
      summary:
        'Change an app; needs If-Match. Secrets that are not named stay, `null` removes one. A new `config` needs all of them again',
      allow: ADMINS,
      params,
      body: appChange,
      answers: oneApp,
      handle: async ({ params: { id }, body, principal, headers, acts }) => {
        const version = versionOf(headers['if-match'])
        const before = await load(id, principal)
        if (before.version !== version) throw stale()
        const { secrets: changed = {}, secretsExpireAt: expireAt = {}, ...rest } = body
        const after = {
          ...before,
          ...present(rest),
          updatedAt: clock.now(),
          version: version + 1,
        } as AppRecord
        const facts = await appSecrets.facts(before)
        const secrets = secretsChange(facts, { secrets: changed, expireAt })
        const connector = connectorOf(before.connectorId)
        checkAgainstConnector(connector, after.config, secrets.after.names, changed)
        if (rest.scope !== undefined) await checkScope(after.scope, parts)
        refuseAlone(before, after)
        refuseWithoutSecrets(before, after, { stored: facts.names, given: Object.keys(changed) })
        await acts.in(async (tx, act) => {
          if (!(await apps.replace(after, version, tx))) throw stale()
          await appSecrets.write(id, secrets, tx)
          const fields = Object.keys(present({ ...rest, secretsExpireAt: body.secretsExpireAt }))
          for (const entry of changesOf(before, after, { fields, secrets: Object.keys(changed) })) {
            const said = { after: showApp(after, secrets.after) }
            await act(entry.type === 'app.changed' ? { entry, said } : { entry })
          }
        })
        apps.invalidate()
        await parts.desk?.release(id)
        parts.poke?.()
        return await answer(after)
      },
    }),

    ...appActRoutes({ ...parts, load, answer }),
  ]
}

const NO_SECRETS = { names: [], expireAt: {} }

/** What a change is called in the ledger. */
function changesOf(
  before: AppRecord,
  after: AppRecord,
  changed: { fields: readonly string[]; secrets: readonly string[] },
): Act['entry'][] {
  const app = before.id
  const fields = changed.fields.map(wordOf)
  const secrets = changed.secrets.map(wordOf)
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
