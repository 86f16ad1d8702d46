import type { AlertStore, Finding } from './alert.ts'

/** Alerts about an app, in the care of those who answer for it when the alert is raised, and each time it is found again. */
export function withOwners(
  alerts: AlertStore,
  apps: { all(): Promise<readonly { id: string; owners: readonly string[] }[]> },
): AlertStore {
  const ownersOf = async ({ about: { appId } }: Finding): Promise<readonly string[] | undefined> =>
    appId === undefined ? undefined : (await apps.all()).find(({ id }) => id === appId)?.owners
  return {
    ...alerts,
    raise: async (finding, at, tx) => {
      const owners = await ownersOf(finding)
      return await alerts.raise(owners === undefined ? finding : { ...finding, owners }, at, tx)
    },
  }
}
