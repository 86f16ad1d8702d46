import type { Finding } from '../alerts/alert.ts'
import { type AppCredentials, appLook } from '../alerts/app-look.ts'
import { createCourier, deliveryLook } from '../alerts/courier.ts'
import { createSinks } from '../alerts/create-sinks.ts'
import { lateFinding, lateLook } from '../alerts/late-look.ts'
import { type LedgerState, ledgerLook } from '../alerts/ledger-look.ts'
import { feedLook, revocationLook } from '../alerts/look.ts'
import { requestLook } from '../alerts/request-look.ts'
import { restoreLook } from '../alerts/restore-look.ts'
import { RULES } from '../alerts/rules.ts'
import { readSinkSettings } from '../alerts/sink-settings.ts'
import { type HeldStorm, stormLook } from '../alerts/storm-look.ts'
import { createWatch } from '../alerts/watch.ts'
import { ledgerStatus } from '../ledger/status.ts'
import type { Escalation } from '../revocation/escalator.ts'
import type { Revocation } from '../revocation/types.ts'
import { newId } from '../shared/ids.ts'
import type { Transaction } from '../shared/transaction.ts'
import { VERSION } from '../version.ts'
import { policyOf } from './ledger-parties.ts'
import { inOrder } from './lifecycle.ts'
import type { Parts } from './parts.ts'

/** Lanes of one app that are counted; more is as bad. */
const MOST_HELD = 100

/**
 * Keeps what was found, and says it in the log: an operator without the API must not miss it.
 *
 * @throws HubError ERR_CONFIG when the settings of the receivers have faults
 */
export function createAlerting(parts: Pick<Parts, 'config' | 'stores' | 'log'>) {
  const { config, stores, log } = parts
  const { alerts, clock } = stores
  // Read in every role: a fault in the file is found at start, wherever it lies.
  const settings = readSinkSettings(config.alertSinksFile)
  const announce = ({ rule, about, facts }: Finding): void => {
    const { severity, title } = RULES[rule]
    log[severity === 'critical' ? 'error' : 'warn']({ rule, ...about, ...facts }, title)
  }
  const raise = async (finding: Finding): Promise<void> => {
    if (await alerts.raise(finding, clock.now())) announce(finding)
  }
  return {
    /** Stored when it resolves; said once for all who find the same. */
    raise,
    /** For requests, whose answer does not wait for it. */
    keep: (finding: Finding): void => {
      raise(finding).catch((error: unknown) => {
        announce(finding)
        log.error({ err: error }, 'an alert was not kept')
      })
    },
    /** In the transaction that marks the level as told. The escalator says it in the log. */
    late: async (escalation: Escalation, tx: Transaction): Promise<void> => {
      await alerts.raise(lateFinding(escalation), clock.now(), tx)
    },
    /** Looks again and again for what nobody reported, and carries alerts to their receivers. */
    watch: () => {
      const sinks = createSinks(settings, { clock, version: VERSION })
      const sinkIds = sinks.map(({ id }) => id)
      const courier = createCourier({ deliveries: stores.deliveries, sinks, clock, newId, log })
      const watch = createWatch({
        alerts,
        looks: [
          revocationLook(stores.revocations.list),
          lateLook({ alerts, revocation: stores.revocations.revocation, clock }),
          feedLook(stores.feeds, clock),
          appLook(() => appCredentials(stores), clock),
          ledgerLook(() => ledgerState(parts), clock),
          stormLook(() => heldStorms(stores)),
          restoreLook({ stuck: stores.lanes.stuck, apps: stores.apps.all }),
          deliveryLook(stores.deliveries, sinkIds),
          requestLook({
            alerts,
            isActive: async (sourceId, userId) =>
              (await stores.directory.user(sourceId, userId))?.active === true,
            clock,
          }),
        ],
        clock,
        log,
        onNew: (finding) => {
          announce(finding)
          courier.poke()
        },
      })
      return inOrder([courier, watch])
    },
  }
}

export type Alerting = ReturnType<typeof createAlerting>

async function appCredentials(stores: Parts['stores']): Promise<AppCredentials[]> {
  const [apps, expiries] = await Promise.all([stores.apps.all(), stores.secretExpiries.all()])
  // What is held waits: where nothing does, nothing need be counted.
  const waiting = await stores.lanes.nextDue(apps.map(({ id }) => id))
  return await Promise.all(
    apps.map(async ({ id: appId }) => ({
      appId,
      heldLanes: waiting.has(appId) ? (await stores.lanes.held(appId, MOST_HELD)).length : 0,
      secrets: expiries.filter((one) => one.appId === appId),
    })),
  )
}

async function ledgerState({
  config,
  stores,
}: Pick<Parts, 'config' | 'stores'>): Promise<LedgerState> {
  const policy = await policyOf(config.ledgerPolicyFile)
  const status = await ledgerStatus(config.ledgerOrigin, stores.ledger, policy)
  return {
    waitingSince: status.waiting.since,
    unsigned: status.lag,
    sealedAt: status.sealed.at,
    signedAt: status.signed?.at ?? null,
    signerSeen: status.signer?.seen ?? null,
    refused: status.signer?.refused ?? null,
    quorum: status.signed?.quorum ?? null,
    copy: status.worm,
  }
}

async function heldStorms({ stormStore: storms }: Parts['stores']): Promise<HeldStorm[]> {
  const held = await storms.all('held')
  return await Promise.all(
    held.map(async ({ id, sourceId }) => ({ id, sourceId, ...(await storms.count(id)) })),
  )
}

/** An account that was proven gone is alive again. */
export const cameBack = (revocation: Revocation): Finding => ({
  rule: 'came-back',
  key: revocation.id,
  about: {
    sourceId: revocation.sourceId,
    appId: revocation.appId,
    offboardingId: revocation.offboardingId,
    revocationId: revocation.id,
  },
  facts: { facet: revocation.facet },
})
