import { type Evidence, endEach, type Held, joinEvidence, pathSegment } from '#connector-sdk'
import { type Call, everyPage, write } from './client.ts'
import { userUrl } from './users.ts'

/** What a user granted to clients, and the refresh tokens that clients hold for them. */

export type Grant = { kind: 'consents' } | { kind: 'tokens'; clientId: string }

/**
 * Consents that are in force, and clients with refresh tokens that are. Of the organization's own authorization server.
 *
 * @see https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserGrant/
 */
export async function grantsOf(userId: string, call: Call): Promise<Held<Grant>> {
  const base = `/api/v1/users/${pathSegment(userId)}`
  const consents = await everyPage(`${base}/grants?limit=200`, 'list the consents', call)
  const clients = await everyPage(`${base}/clients`, 'list the clients', call)
  const evidence: [Evidence, ...Evidence[]] = [...consents.evidence, ...clients.evidence]
  const held: Grant[] = consents.items.some(isInForce) ? [{ kind: 'consents' }] : []
  for (const client of clients.items) {
    const { client_id: clientId } = (client ?? {}) as Record<string, unknown>
    const path = `${base}/clients/${pathSegment(String(clientId))}/tokens?limit=200`
    const tokens = await everyPage(path, 'list the tokens', call)
    evidence.push(...tokens.evidence)
    if (tokens.items.some(isInForce)) held.push({ kind: 'tokens', clientId: String(clientId) })
  }
  return { items: held, evidence: joinEvidence(evidence) }
}

/** Whatever is not said to be revoked is in force. */
function isInForce(item: unknown): boolean {
  return (item as { status?: unknown } | null)?.status !== 'REVOKED'
}

/** @throws ConnectorError */
export async function endGrants(userId: string, call: Call) {
  const url = userUrl(call, userId)
  return endEach(
    call,
    await grantsOf(userId, call),
    (grant) => (grant.kind === 'consents' ? 'all consents' : `tokens of ${grant.clientId}`),
    (grant) =>
      grant.kind === 'consents'
        ? write({ method: 'DELETE', url: `${url}/grants` }, 'revoke the consents', call)
        : write(
            { method: 'DELETE', url: `${url}/clients/${pathSegment(grant.clientId)}/tokens` },
            'revoke the tokens',
            call,
          ),
  )
}
