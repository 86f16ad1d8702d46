import type { Client } from './scim-server.ts'

export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** What a user is before a form is tried on it, beside its userName. */
const JANE = {
  active: true,
  displayName: 'Jane Doe',
  name: { givenName: 'Jane', familyName: 'Doe' },
  emails: [{ value: 'jane@example.com', type: 'work', primary: true }],
  [ENTERPRISE]: { department: 'Sales', employeeNumber: '7', manager: { value: 'boss' } },
}

/**
 * One request about one user, and what comes of it. `{n}` is a number of its own for each form, `{id}` the user.
 */
export interface UserForm {
  /** Who sends it, and what is odd about it. */
  name: string
  /** Operations of a PATCH. */
  ops?: readonly unknown[]
  /** Whole body of a PATCH. */
  patch?: unknown
  put?: unknown
  /** A user that is made by this request; there is none before. */
  post?: unknown
  /** Instead of Jane; `userName` is added. */
  before?: object
  /** Status, and scimType of a refusal: `400 invalidPath`. */
  gives: string
  /** Part of the user that is read afterwards. */
  after?: object
  /** Attributes that it has not. */
  without?: readonly string[]
}

/** @returns what is wrong, or undefined */
export async function tryUserForm(
  client: Client,
  form: UserForm,
  n: number,
): Promise<{ gives: string; after: Record<string, unknown> }> {
  const base = { schemas: [USER], userName: `jane.${n}@example.com`, externalId: `ext-${n}` }
  let id = ''
  if (form.post === undefined) id = await client.user(base.userName, form.before ?? JANE)
  const fill = (value: unknown): string =>
    JSON.stringify(value).replaceAll('{n}', String(n)).replaceAll('{id}', id)
  const answer =
    form.post !== undefined
      ? await client.send('POST', '/Users', fill(form.post))
      : form.put !== undefined
        ? await client.send('PUT', `/Users/${id}`, fill(form.put))
        : await client.send(
            'PATCH',
            `/Users/${id}`,
            fill(form.patch ?? { schemas: [PATCH], Operations: form.ops }),
          )
  const scimType = answer.json?.scimType
  const read = id === '' ? answer : await client.get(`/Users/${id}`)
  return {
    gives: scimType === undefined ? String(answer.status) : `${answer.status} ${scimType}`,
    after: read.json,
  }
}

/** One PATCH (or PUT) of a group of u1, u2 and u3. `{u1}`…`{u4}`, `{id}` and `{n}` are filled in. */
export interface GroupForm {
  name: string
  ops?: readonly unknown[]
  patch?: unknown
  put?: unknown
  gives: string
  /** Who is in it afterwards, e.g. `u1 u3`. */
  members: string
  after?: object
}

export async function tryGroupForm(
  client: Client,
  people: Readonly<Record<string, string>>,
  form: GroupForm,
  n: number,
): Promise<{ gives: string; members: string; after: Record<string, unknown> }> {
  const of = (name: string): string => people[name] ?? name
  const id = await client.group(`Group ${n}`, ['u1', 'u2', 'u3'].map(of))
  const fill = (value: unknown): string =>
    JSON.stringify(value)
      .replaceAll('{n}', String(n))
      .replaceAll('{id}', id)
      .replaceAll(/\{(u\d)\}/g, (_, name: string) => of(name))
  const answer =
    form.put === undefined
      ? await client.send(
          'PATCH',
          `/Groups/${id}`,
          fill(form.patch ?? { schemas: [PATCH], Operations: form.ops }),
        )
      : await client.send('PUT', `/Groups/${id}`, fill(form.put))
  const scimType = answer.json?.scimType
  const { json } = await client.get(`/Groups/${id}`)
  const names = new Map(Object.entries(people).map(([name, value]) => [value, name]))
  const members = ((json.members ?? []) as { value: string }[]).map(
    ({ value }) => names.get(value) ?? value,
  )
  return {
    gives: scimType === undefined ? String(answer.status) : `${answer.status} ${scimType}`,
    members: members.sort().join(' '),
    after: json,
  }
}
