import { laneId } from '../../src/revocation/lane.ts'
import { transition } from '../../src/revocation/transition.ts'
import type { AppRecord, Offboarding, Revocation } from '../../src/revocation/types.ts'
import { HOUR } from '../../src/shared/clock.ts'
import { newId } from '../../src/shared/ids.ts'
import type { startApi } from './api-harness.ts'

type Api = Awaited<ReturnType<typeof startApi>>

/** A case of one revocation, with its lane, as the intake would have written it. */
export async function owed(
  api: Pick<Api, 'stores' | 'vault'>,
  more: Partial<Revocation> = {},
  ofCase: Partial<Offboarding> = {},
): Promise<Revocation> {
  const now = Date.now()
  const userId = more.userId ?? newId()
  const offboarding: Offboarding = {
    id: newId(),
    sourceId: 'okta',
    userId,
    generation: 1,
    kind: 'leaver',
    cause: { kind: 'admin', requestId: 'r', receivedAt: now },
    subject: { sourceId: 'okta', userId, userName: 'Gone@example.com', emails: [] },
    forCause: false,
    openedAt: now,
    state: 'open',
    expected: { count: 1, root: '0'.repeat(64) },
    ...ofCase,
  }
  const revocation: Revocation = {
    id: newId(),
    offboardingId: offboarding.id,
    sourceId: 'okta',
    userId,
    appId: 'app-1',
    facet: 'account',
    generation: offboarding.generation,
    class: 1,
    state: 'human',
    reason: 'manual-app',
    attempts: 0,
    openedAt: now,
    deadlineAt: now + HOUR,
    updatedAt: now,
    ...more,
  }
  const key = { sourceId: 'okta', userId, appId: revocation.appId }
  const unit = { revocationId: revocation.id, facet: revocation.facet, deadlineAt: now + HOUR }
  const intent = {
    generation: offboarding.generation,
    op: 'revoke' as const,
    offboardingId: offboarding.id,
    units: [unit],
    class: 1 as const,
    wantedAt: now,
  }
  const lane = transition(
    undefined,
    { kind: 'wanted', key: { id: laneId(key), ...key }, intent, priority: 1 },
    now + HOUR,
  )
  await api.stores.transactor.transaction(async (tx) => {
    const { wrapped } = api.vault.newKey(`case:${offboarding.id}`)
    await api.stores.revocations.insert(offboarding, [revocation], wrapped, tx)
    await api.stores.lanes.save([lane], tx)
  })
  return revocation
}

/** An app that somebody answers for. Nobody is covered by it. */
export async function registered(
  api: Pick<Api, 'stores'>,
  id: string,
  owners: readonly string[],
): Promise<void> {
  const now = Date.now()
  const app: AppRecord = {
    id,
    name: id,
    connectorId: 'still',
    config: { baseUrl: 'https://one.example', says: 'ok' },
    scope: { kind: 'groups', groups: [] },
    class: 1,
    owners,
    state: 'active',
    allowNetworks: [],
    createdAt: now,
    updatedAt: now,
    version: 1,
  }
  await api.stores.transactor.transaction((tx) => api.stores.apps.insert(app, tx))
  api.stores.apps.invalidate()
}
