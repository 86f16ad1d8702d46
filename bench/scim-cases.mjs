// The requests of bench/scim.mjs. Every server is asked the same.
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** People of a side, so that a list has whole pages. */
export const EARLY = 200

/** The n-th person, 700 bytes of JSON. */
export function user(n, userName = `person.${n}@example.com`) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User', ENTERPRISE],
    userName,
    externalId: `ext-${n}`,
    displayName: `Person ${n}`,
    active: true,
    name: { givenName: 'Person', familyName: String(n) },
    emails: [{ value: userName, type: 'work', primary: true }],
    [ENTERPRISE]: { department: 'Sales', employeeNumber: String(n) },
  }
}

const patch = (path, operation) => ({
  method: 'PATCH',
  path,
  body: { schemas: [PATCH_OP], Operations: [operation] },
})

/**
 * name → `request(side, n)`, the n-th request to a side; `once`: each person can serve but one such request.
 */
export const CASES = {
  create: { request: (side) => ({ method: 'POST', path: '/Users', body: user(++side.made) }) },
  get: { request: (side, n) => ({ method: 'GET', path: `/Users/${side.ids[n % EARLY]}` }) },
  'filter by userName': {
    request: (_side, n) => {
      const filter = encodeURIComponent(`userName eq "early.${n % EARLY}@example.com"`)
      return { method: 'GET', path: `/Users?filter=${filter}` }
    },
  },
  'list of 100': { request: () => ({ method: 'GET', path: '/Users?count=100' }) },
  // Everybody joins, then everybody leaves, and so on: every request changes something.
  'PATCH one member': {
    request: (side) => {
      const n = side.moves++
      const value = side.ids[n % EARLY]
      return patch(
        `/Groups/${side.groupId}`,
        Math.floor(n / EARLY) % 2 === 0
          ? { op: 'add', path: 'members', value: [{ value }] }
          : { op: 'remove', path: `members[value eq "${value}"]` },
      )
    },
  },
  'PATCH one attribute': {
    request: (side, n) =>
      patch(`/Users/${side.ids[n % EARLY]}`, {
        op: 'replace',
        value: { displayName: `Changed ${++side.made}` },
      }),
  },
  'deactivate with 5 apps': {
    once: true,
    request: (side, n) =>
      patch(`/Users/${side.leavers[n]}`, { op: 'replace', value: { active: false } }),
  },
}
