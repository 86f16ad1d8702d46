import { type Clock, DAY } from '../shared/clock.ts'
import type { Alert, AlertStore, Finding } from './alert.ts'
import type { Look } from './look.ts'
import type { RuleName } from './rules.ts'
import { foundAgain, unresolvedAlerts } from './unresolved.ts'

/** A request that wanted to deactivate somebody and was refused, or obeyed in part. */
export interface DeactivationTrouble {
  kind: 'refused' | 'dropped'
  sourceId: string
  userId?: string
  requestId: string
  /** Of the error. */
  code: string
}

const RULES_OF = {
  refused: 'deactivation-refused',
  dropped: 'profile-operation-dropped',
} as const

/** One alert for each person and source: the provider's next tries count up. */
export function deactivationFinding(trouble: DeactivationTrouble): Finding {
  const { kind, sourceId, userId, requestId, code } = trouble
  return {
    rule: RULES_OF[kind],
    key: `${sourceId}/${userId ?? ''}`,
    about: { sourceId, ...(userId === undefined ? {} : { userId }) },
    facts: { code, requestId },
  }
}

/** How long an alert stays for which nobody can see whether its cause is gone. */
const UNSEEN_MS = 7 * DAY

const REQUEST_RULES: readonly RuleName[] = [
  RULES_OF.refused,
  RULES_OF.dropped,
  'source-address-refused',
]

/** One alert for each credential. */
export function addressFinding(refused: {
  sourceId: string
  tokenId: string
  address: string
}): Finding {
  const { sourceId, tokenId, address } = refused
  return {
    rule: 'source-address-refused',
    key: `${sourceId}/${tokenId}`,
    about: { sourceId, tokenId },
    facts: { address },
  }
}

/**
 * Such alerts are raised where the request is answered; here is decided how long they last: a refusal, until the
 * person is inactive or gone.
 */
export function requestLook(options: {
  alerts: Pick<AlertStore, 'list'>
  isActive(sourceId: string, userId: string): Promise<boolean>
  clock: Clock
}): Look {
  const isOver = async ({ rule, about, lastAt }: Alert): Promise<boolean> => {
    const { sourceId, userId } = about
    if (rule === RULES_OF.refused && sourceId !== undefined && userId !== undefined) {
      return !(await options.isActive(sourceId, userId))
    }
    return lastAt < options.clock.now() - UNSEEN_MS
  }

  return {
    rules: REQUEST_RULES,
    async *findings(unresolved) {
      for await (const alert of unresolvedAlerts(options.alerts, REQUEST_RULES, unresolved)) {
        if (await isOver(alert)) continue
        yield foundAgain(alert)
      }
    },
  }
}
