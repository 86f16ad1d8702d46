import type { Clock, Instant } from '../shared/clock.ts'
import type { Finding } from './alert.ts'
import { daysLeft } from './expiry-days.ts'
import type { Look } from './look.ts'
import type { RuleName } from './rules.ts'

/** What the rules must know of a registered app. */
export interface AppCredentials {
  appId: string
  /** Lanes that wait because the app refuses the credential. */
  heldLanes: number
  /** Secrets whose end somebody has stated. */
  secrets: readonly { name: string; expiresAt: Instant }[]
}

const APP_RULES: readonly RuleName[] = ['lane-held', 'app-secret-expiring']

/** Each step of an expiry is an alert of its own, so that it is news again. */
export function appFindings(app: AppCredentials, now: Instant): Finding[] {
  const { appId, heldLanes } = app
  const held: Finding[] =
    heldLanes === 0
      ? []
      : [{ rule: 'lane-held', key: appId, about: { appId }, facts: { lanes: heldLanes } }]
  const ending = app.secrets.flatMap(({ name, expiresAt }): Finding[] => {
    const days = daysLeft(expiresAt, now)
    if (days === undefined) return []
    return [
      {
        rule: 'app-secret-expiring',
        key: `${appId}/${name}/${days}`,
        about: { appId, secretName: name },
        facts: { days },
      },
    ]
  })
  return [...held, ...ending]
}

/** @param apps all that are registered, removed ones too: they may still owe */
export function appLook(apps: () => Promise<readonly AppCredentials[]>, clock: Clock): Look {
  return {
    rules: APP_RULES,
    async *findings() {
      for (const app of await apps()) yield* appFindings(app, clock.now())
    },
  }
}
