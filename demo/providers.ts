import type { Person } from './people.ts'

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** How an identity provider talks to a SCIM server: the same acts, each in its own words. */
export interface Provider {
  name: 'okta' | 'entra'
  pushUser(person: Person): Promise<string>
  pushGroup(name: string, memberIds: readonly string[]): Promise<string>
  addMembers(groupId: string, memberIds: readonly string[]): Promise<void>
  removeMember(groupId: string, memberId: string): Promise<void>
  /** The dialect's own ways to say that a person is gone. */
  deactivate: Record<string, (person: Person, id: string) => Promise<void>>
}

type Send = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>

export function oktaProvider(baseUrl: string, token: string): Provider {
  const send = scim(baseUrl, token, 'Okta SCIM Client 1.0.0')
  const resource = (person: Person, active: boolean) => ({
    schemas: [USER],
    userName: person.userName,
    name: { givenName: 'Person', familyName: String(person.number) },
    emails: [{ primary: true, value: person.userName, type: 'work' }],
    displayName: person.displayName,
    locale: 'en-US',
    externalId: person.externalId,
    groups: [],
    active,
  })
  const patch = (path: string, operations: unknown[]) =>
    send('PATCH', path, { schemas: [PATCH_OP], Operations: operations })
  return {
    name: 'okta',
    pushUser: async (person) => {
      await send(
        'GET',
        `/Users?filter=${query(`userName eq "${person.userName}"`)}&startIndex=1&count=100`,
      )
      const body = { ...resource(person, true), password: crypto.randomUUID() }
      return String((await send('POST', '/Users', body))['id'])
    },
    pushGroup: async (name, memberIds) => {
      const { id } = await send('POST', '/Groups', {
        schemas: [GROUP],
        displayName: name,
        members: [],
      })
      await patch(`/Groups/${id}`, [
        { op: 'replace', path: 'members', value: memberIds.map((value) => ({ value })) },
      ])
      return String(id)
    },
    addMembers: async (groupId, memberIds) => {
      await patch(`/Groups/${groupId}`, [
        { op: 'add', path: 'members', value: memberIds.map((value) => ({ value })) },
      ])
    },
    removeMember: async (groupId, memberId) => {
      await patch(`/Groups/${groupId}`, [{ op: 'remove', path: `members[value eq "${memberId}"]` }])
    },
    deactivate: {
      'PATCH without a path': async (_person, id) => {
        await patch(`/Users/${id}`, [{ op: 'replace', value: { active: false } }])
      },
      'PUT with active: false': async (person, id) => {
        await send('PUT', `/Users/${id}`, { ...resource(person, false), id })
      },
    },
  }
}

export function entraProvider(baseUrl: string, token: string): Provider {
  const send = scim(baseUrl, token)
  const patch = (path: string, operations: unknown[]) =>
    send('PATCH', path, { schemas: [PATCH_OP], Operations: operations })
  const addMember = (groupId: string, value: string) =>
    patch(`/Groups/${groupId}`, [{ op: 'Add', path: 'members', value: [{ $ref: null, value }] }])
  return {
    name: 'entra',
    pushUser: async (person) => {
      await send('GET', `/Users?filter=${query(`externalId eq "${person.externalId}"`)}`)
      const body = {
        schemas: [USER, ENTERPRISE],
        externalId: person.externalId,
        userName: person.userName,
        active: true,
        displayName: person.displayName,
        emails: [{ primary: true, type: 'work', value: person.userName }],
        meta: { resourceType: 'User' },
        name: {
          formatted: person.displayName,
          familyName: String(person.number),
          givenName: 'Person',
        },
        roles: [],
        [ENTERPRISE]: { employeeNumber: String(person.number), department: 'Operations' },
      }
      return String((await send('POST', '/Users', body))['id'])
    },
    pushGroup: async (name, memberIds) => {
      const { id } = await send('POST', '/Groups', {
        schemas: [
          GROUP,
          'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group',
        ],
        externalId: crypto.randomUUID(),
        displayName: name,
        meta: { resourceType: 'Group' },
      })
      for (const value of memberIds) await addMember(String(id), value)
      return String(id)
    },
    addMembers: async (groupId, memberIds) => {
      for (const value of memberIds) await addMember(groupId, value)
    },
    removeMember: async (groupId, memberId) => {
      await patch(`/Groups/${groupId}`, [
        { op: 'Remove', path: 'members', value: [{ $ref: null, value: memberId }] },
      ])
    },
    deactivate: {
      'PATCH active "False"': async (_person, id) => {
        await patch(`/Users/${id}`, [{ op: 'Replace', path: 'active', value: 'False' }])
      },
      DELETE: async (_person, id) => {
        await send('DELETE', `/Users/${id}`)
      },
    },
  }
}

const query = (filter: string): string => encodeURIComponent(filter)

function scim(baseUrl: string, token: string, userAgent?: string): Send {
  return async (method, path, body) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/scim+json',
        'content-type': 'application/scim+json; charset=utf-8',
        ...(userAgent === undefined ? {} : { 'user-agent': userAgent }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  }
}
