import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { RevocationReader } from '../revocation/reader.ts'
import { coversLess } from '../revocation/scope.ts'
import type { AppRecord, AppScope } from '../revocation/types.ts'
import { type Clock, iso } from '../shared/clock.ts'
import { HubError } from '../shared/errors.ts'
import type { JsonObject } from '../shared/json.ts'
import type { Transaction } from '../shared/transaction.ts'
import { checkScope, type ScopeParts, scopeField } from './app-input.ts'
import { type ConnectorOpener, type Inventory, inventoryOf } from './app-inventory.ts'
import { type ApprovalAct, existingApp, textIn } from './approval-act.ts'
import { idField } from './fields.ts'
import { invalid } from './validate.ts'

export interface AppActsParts extends ScopeParts {
  revocations: Pick<RevocationReader, 'openSummary'>
  apps: {
    app(id: string): Promise<AppRecord | null>
    replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
    invalidate(): void
  }
  runner: ConnectorOpener
  clock: Clock
}

/** To cover less by an app, or with more time. */
export function appActs({
  revocations,
  apps,
  runner,
  clock,
  ...known
}: AppActsParts): Record<'remove-app' | 'lower-class' | 'narrow-scope', ApprovalAct> {
  const changeApp = async (
    id: string,
    change: Partial<AppRecord>,
    tx: Transaction,
  ): Promise<AppRecord> => {
    const before = await existingApp(apps, id)
    const after = { ...before, ...change, updatedAt: clock.now(), version: before.version + 1 }
    if (!(await apps.replace(after, before.version, tx))) {
      throw changed()
    }
    return before
  }

  return {
    'remove-app': {
      title: 'Cover nobody by this app any more. What is open there stays owed and worked on',
      schema: z.strictObject({
        appId: idField,
        unreachable: z
          .boolean()
          .default(false)
          .meta({ description: 'The app is gone: accept that nobody can list who is still in it' }),
      }),
      prepare: async (payload, signal) => {
        const app = await existingApp(apps, textIn(payload, 'appId'))
        const about = { about: app.id, owners: app.owners }
        if (payload['unreachable'] === true) return { payload, ...about }
        const { inventory, key } = await inventoryOf(runner, app, clock.now(), signal)
        return { payload: { ...payload, inventory: { ...inventory } }, kept: key, ...about }
      },
      carryOut: async ({ id, payload, kept, reason }, tx, record) => {
        const app = textIn(payload, 'appId')
        await changeApp(app, { removedAt: clock.now() }, tx)
        const { byApp } = await revocations.openSummary(clock.now())
        const open = byApp.find(({ appId }) => appId === app)?.open ?? 0
        const inventory = payload['inventory'] as unknown as Inventory | undefined
        if (inventory !== undefined) {
          const { taken, ...facts } = inventory
          await record({
            entry: { type: 'inventory.snapshot', app, ...facts, taken: iso(taken) },
            ...(kept === undefined ? {} : { kept }),
            approval: id,
          })
        }
        await record({
          entry: { type: 'app.removed', app, open },
          said: { reason },
          approval: id,
        })
      },
      after: () => apps.invalidate(),
    },

    'lower-class': {
      title: 'Give an app a laxer class, with longer deadlines',
      schema: z.strictObject({ appId: idField, class: z.literal([1, 2, 3]) }),
      prepare: async (payload) => {
        const app = await existingApp(apps, textIn(payload, 'appId'))
        const to = Number(payload['class'])
        if (to <= app.class) {
          throw invalid([
            { pointer: '/payload/class', message: 'is no laxer class; change the app itself' },
          ])
        }
        return { payload: { ...payload, from: app.class }, about: app.id, owners: app.owners }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const to = Number(payload['class']) as AppRecord['class']
        const app = textIn(payload, 'appId')
        const before = await changeApp(app, { class: to }, tx)
        await record({
          entry: { type: 'app.changed', app, fields: ['class'], class: { from: before.class, to } },
          said: { after: { class: to }, reason },
          approval: id,
        })
      },
      after: () => apps.invalidate(),
    },

    'narrow-scope': {
      title: 'Cover fewer people by an app',
      schema: z.strictObject({ appId: idField, scope: scopeField }),
      prepare: async (payload) => {
        const app = await existingApp(apps, textIn(payload, 'appId'))
        const scope = payload['scope'] as unknown as AppScope
        if (!coversLess(app.scope, scope)) {
          throw invalid([
            { pointer: '/payload/scope', message: 'covers no less; change the app itself' },
          ])
        }
        await checkScope(scope, known)
        const from = app.scope as unknown as JsonObject
        return { payload: { ...payload, from }, about: app.id, owners: app.owners }
      },
      carryOut: async ({ id, payload, reason }, tx, record) => {
        const scope = payload['scope'] as unknown as AppScope
        const app = textIn(payload, 'appId')
        const before = await changeApp(app, { scope }, tx)
        if (!isDeepStrictEqual(before.scope, payload['from'])) throw changed()
        await record({
          entry: { type: 'app.changed', app, fields: ['scope'] },
          said: { after: { scope }, reason },
          approval: id,
        })
      },
      after: () => apps.invalidate(),
    },
  }
}

const changed = (): HubError =>
  new HubError('ERR_CONFLICT', 'the app has changed meanwhile; propose it again')
