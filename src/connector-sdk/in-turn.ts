import { ConnectorError, type Evidence, isConnectorError } from './contract.ts'

/**
 * Does several writes one after the other. When a later one fails, the ones before it have happened: the error
 * then says `partial`, where it said `none`.
 *
 * @throws ConnectorError that of the first write that failed
 */
export async function inTurn<T, R>(
  items: readonly T[],
  write: (item: T) => Promise<R>,
): Promise<R[]> {
  const done: R[] = []
  for (const item of items) {
    try {
      done.push(await write(item))
    } catch (error) {
      if (done.length === 0 || !isConnectorError(error) || error.effect !== 'none') throw error
      const { fault, message, retryAfterMs, evidence } = error
      throw new ConnectorError(fault, message, {
        effect: 'partial',
        cause: error,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        ...(evidence === undefined ? {} : { evidence }),
      })
    }
  }
  return done
}

/** Several exchanges as one piece of evidence: the last one's place and time, every body. */
export function joinEvidence(all: readonly [Evidence, ...Evidence[]]): Evidence {
  const last = all.at(-1) ?? all[0]
  if (all.length === 1) return last
  const parts = all.map(({ method, target, status, body }) => ({ method, target, status, body }))
  return { ...last, body: JSON.stringify(parts).slice(0, 65_536) }
}
