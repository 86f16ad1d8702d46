import type { Feed } from '../alerts/feed-findings.ts'
import type { HeartbeatStore } from '../auth/heartbeat-store.ts'
import type { SourceStore } from '../auth/source-store.ts'

/** Every source as the rules about feeds see it. */
export async function feedsOf(
  sources: Pick<SourceStore, 'all'>,
  heartbeats: Pick<HeartbeatStore, 'all'>,
): Promise<Feed[]> {
  const beats = new Map((await heartbeats.all()).map((beat) => [beat.sourceId, beat]))
  return (await sources.all()).map(({ id, silentAfterMs, tokens, clientSecrets = [] }) => {
    const { lastCallAt, intervalMs } = beats.get(id) ?? {}
    return {
      sourceId: id,
      ...(silentAfterMs === undefined ? {} : { silentAfterMs }),
      ...(lastCallAt === undefined ? {} : { lastCallAt }),
      ...(intervalMs === undefined ? {} : { intervalMs }),
      credentials: [...tokens, ...clientSecrets],
    }
  })
}
