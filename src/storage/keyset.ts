import { HubError } from '../shared/errors.ts'

/** A place in a list that is ordered by a number and then by id. Opaque to clients, and no secret. */
export function keysetCursor(at: number, id: string): string {
  return Buffer.from(JSON.stringify([at, id])).toString('base64url')
}

/** @throws HubError ERR_INVALID_CURSOR */
export function parseKeyset(text: string): { at: number; id: string } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (Array.isArray(parsed) && parsed.length === 2) {
      const [at, id] = parsed as unknown[]
      if (typeof at === 'number' && Number.isFinite(at) && typeof id === 'string') return { at, id }
    }
  } catch (error) {
    throw new HubError('ERR_INVALID_CURSOR', 'the cursor is none of ours', { cause: error })
  }
  throw new HubError('ERR_INVALID_CURSOR', 'the cursor is none of ours')
}
