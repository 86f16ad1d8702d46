import type { KitWorld } from '../../../src/connector-sdk/kit/world.ts'
import type { JacksonDirectory, JacksonServer } from '../../../test/support/servers/jackson.ts'

/** What this server cannot be made to do, or what was tried on another one. */
export const CANNOT: KitWorld['cannot'] = {
  lie: 'a real server does what it says',
  ignoreFilter: 'a real server does what it does',
  repeatPages: 'a real server goes on',
  hideRows: 'a real server shows what it counts',
  wire: 'broken connections were tried on the other server',
}

export interface JacksonWorld extends KitWorld {
  directory: JacksonDirectory
  /** userName → id. */
  ids: ReadonlyMap<string, string>
}

const people = [
  { userName: 'bystander1@example.com', externalId: 'emp-1' },
  { userName: 'bystander2@example.com', externalId: 'emp-2' },
  { userName: 'jane@example.com', externalId: 'emp-7' },
  { userName: 'twin@example.com', externalId: 'emp-8' },
  { userName: 'twin.old@example.com', externalId: 'emp-9' },
]

/** A directory of its own on a running SAML Jackson. */
export async function jacksonWorld(server: JacksonServer, config: object): Promise<JacksonWorld> {
  const directory = await server.createDirectory()
  const ids = new Map(
    await Promise.all(
      people.map(async (one) => [one.userName, await addUser(directory, one)] as const),
    ),
  )
  const id = ids.get('jane@example.com') ?? ''
  const person = { sourceId: 's', userId: 'u', emails: [] }
  /** The server keeps what it was sent: the boolean, or nothing at all, counts. */
  const isActive = async (which: (id: string) => boolean): Promise<number> => {
    const { users } = await directory.inside()
    return users.filter((user) => which(user.id) && user.active === true).length
  }
  return {
    app: {
      id: 'app',
      connectorId: 'scim',
      config: { baseUrl: directory.url, pageSize: 2, ...config },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: { token: directory.token },
    subject: { ...person, userName: 'Jane@Example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: id,
    strangerId: '00000000-0000-4000-8000-000000000000',
    isLive: async () => (await isActive((one) => one === id)) === 1,
    bystandersHit: async () => people.length - 1 - (await isActive((one) => one !== id)),
    tricks: {},
    cannot: CANNOT,
    directory,
    ids,
    close: async () => {},
  }
}

/** Adds an active user. @returns the new user's id */
export async function addUser(
  { scim }: JacksonDirectory,
  { userName, externalId }: { userName: string; externalId: string },
): Promise<string> {
  const user = await scim('POST', '/Users', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName,
    externalId,
    name: { givenName: 'Given', familyName: 'Family' },
    emails: [{ value: userName, type: 'work', primary: true }],
    active: true,
  })
  return String(user['id'])
}
