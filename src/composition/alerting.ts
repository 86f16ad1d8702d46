import type { Finding } from '../alerts/alert.ts'
import { feedLook, revocationLook } from '../alerts/look.ts'
import { requestLook } from '../alerts/request-look.ts'
import { RULES } from '../alerts/rules.ts'
import { createWatch } from '../alerts/watch.ts'
import type { Revocation } from '../revocation/types.ts'
import type { Parts } from './parts.ts'

/** Keeps what was found, and says it in the log: an operator without the API must not miss it. */
export function createAlerting({ stores, log }: Pick<Parts, 'stores' | 'log'>) {
  const announce = ({ rule, about, facts }: Finding): void => {
    const { severity, title } = RULES[rule]
    log[severity === 'critical' ? 'error' : 'warn']({ rule, ...about, ...facts }, title)
  }
  const raise = async (finding: Finding): Promise<void> => {
    if (await stores.alerts.raise(finding, stores.clock.now())) announce(finding)
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
    /** Looks again and again for what nobody reported. */
    watch: () =>
      createWatch({
        alerts: stores.alerts,
        looks: [
          revocationLook((paging) => stores.revocations.list({ open: true }, paging), stores.clock),
          feedLook(stores.feeds, stores.clock),
          requestLook({
            alerts: stores.alerts,
            isActive: async (sourceId, userId) =>
              (await stores.directory.user(sourceId, userId))?.active === true,
            clock: stores.clock,
          }),
        ],
        clock: stores.clock,
        log,
        onNew: announce,
      }),
  }
}

export type Alerting = ReturnType<typeof createAlerting>

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
  owners: revocation.owners,
})
