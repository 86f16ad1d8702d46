import type { Lane } from '../revocation/lane.ts'
import type { AppRecord } from '../revocation/types.ts'
import type { Finding } from './alert.ts'
import type { Look } from './look.ts'

const PAGE = 200

/** One alert for each person and app; over when it is back, or when the person has left again. */
export function restoreLook(options: {
  /** Lanes with something that an app refuses to put back, in the order of ids. */
  stuck(limit: number, after?: string): Promise<readonly Lane[]>
  apps(): Promise<readonly AppRecord[]>
}): Look {
  return {
    rules: ['restore-stuck'],
    async *findings() {
      let page = await options.stuck(PAGE)
      if (page.length === 0) return
      const apps = new Map((await options.apps()).map((app) => [app.id, app]))
      for (;;) {
        for (const lane of page) yield* stuckFinding(lane, apps.get(lane.appId))
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return
        page = await options.stuck(PAGE, last.id)
      }
    },
  }
}

/** Nothing about an app that was removed: the hub grants nobody anything there. */
function stuckFinding({ id, sourceId, userId, appId, undo }: Lane, app?: AppRecord): Finding[] {
  const first = undo.find(({ stuck }) => stuck !== undefined)
  if (first?.stuck === undefined || app === undefined || app.removedAt !== undefined) return []
  return [
    {
      rule: 'restore-stuck',
      key: id,
      about: { sourceId, userId, appId },
      facts: { facet: first.facet, fault: first.stuck },
    },
  ]
}
