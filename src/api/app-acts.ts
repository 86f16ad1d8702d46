import { z } from 'zod'
import type { Principal } from '../auth/principal.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Clock } from '../shared/clock.ts'
import type { Transaction } from '../shared/transaction.ts'
import { OPERATORS, OPERATORS_AND_OWNERS } from './access.ts'
import { appAnswer } from './app-answer.ts'
import { type ConnectorOpener, checkApp, checkLine } from './app-check.ts'
import { idField, stale } from './fields.ts'
import { type Answer, type Call, defineRoute, type Route } from './route.ts'

export interface AppActRoutesParts {
  apps: {
    replace(app: AppRecord, expectedVersion: number, tx?: Transaction): Promise<boolean>
    invalidate(): void
  }
  secrets: { names(appId: string): Promise<string[]> }
  runner: ConnectorOpener
  /** Called after an app has been resumed, so that waiting work is looked at at once. */
  poke?(): void
  clock: Clock
  /** @throws HubError ERR_NOT_FOUND when there is none that they may read */
  load(id: string, principal: Principal): Promise<AppRecord>
  answer(app: AppRecord): Promise<Answer>
}

const params = z.object({ id: idField })
const oneApp = { 200: { description: 'The app, with its ETag', schema: appAnswer } }

/** What is done with an app as it is registered: tested, paused, resumed. */
export function appActRoutes(parts: AppActRoutesParts): Route[] {
  const { apps, clock, load, answer } = parts

  const setState = async (
    {
      params: { id },
      principal,
      acts,
    }: Pick<Call<{ id: string }, unknown, unknown>, 'params' | 'principal' | 'acts'>,
    state: AppRecord['state'],
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
        const names = await parts.secrets.names(id)
        const hasWitness = names.some((name) => name.startsWith('witness'))
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
      handle: async (call) => await answer(await setState(call, 'paused')),
    }),

    defineRoute({
      method: 'POST',
      path: '/apps/{id}/resume',
      summary: 'Work on the app again, what is overdue first',
      allow: OPERATORS,
      params,
      answers: oneApp,
      handle: async (call) => await answer(await setState(call, 'active')),
    }),
  ]
}
