import type { Facet } from '../../../src/connector-sdk/contract.ts'
import type { KitWorld, SeenRequest } from '../../../src/connector-sdk/kit/world.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { DENY_ALL, REVOKE_OLDER } from '../deny.ts'
import { type FakeIam, type FakeUser, startFakeIam, user } from './fake.ts'
import { writeAnswer } from './query-protocol.ts'

const people = (): FakeUser[] => [
  user('AIDAHUB', 'hub', { password: false }),
  user('AIDA7', 'jane@example.com', {
    mfa: ['arn:aws:iam::123456789012:mfa/jane'],
    accessKeys: [
      { id: 'AKIA1', status: 'Active' },
      { id: 'AKIA2', status: 'Inactive' },
      { id: 'AKIA3', status: 'Active' },
    ],
    serviceCredentials: [
      { id: 'ACCA1', status: 'Active' },
      { id: 'ACCA2', status: 'Expired' },
    ],
    sshKeys: [{ id: 'APKA1', status: 'Active' }],
    certificates: [{ id: 'CERT1', status: 'Active' }],
    groups: ['admins', 'developers', 'billing'],
  }),
  user('AIDA8', 'twin@example.com', { accessKeys: [{ id: 'AKIA8', status: 'Active' }] }),
  user('AIDA9', 'emp-9'),
]

export interface IamWorld extends KitWorld {
  iam: FakeIam
  proxy: FaultProxy
}

/** IAM by the vendor's own model, behind a proxy that can misbehave. */
export async function iamWorld(config: object = {}): Promise<IamWorld> {
  const iam = await startFakeIam(people(), ['deploy'], { doer: 'AKIADOER', witness: 'AKIAWITNESS' })
  const proxy = await startFaultProxy(iam.origin)
  const person = { sourceId: 's', userId: 'u', emails: [] }
  const isWrite = ({ body }: SeenRequest): boolean => !/(^|&)Action=(Get|List)/.test(body)
  const jane = iam.users.find(({ id }) => id === 'AIDA7') as FakeUser
  const isLive = (facet: Facet): boolean => {
    const active = (keys: { status: string }[]) => keys.some(({ status }) => status === 'Active')
    switch (facet) {
      case 'account':
        return !jane.policies.has(DENY_ALL)
      case 'session':
        return !jane.policies.has(REVOKE_OLDER)
      case 'local_login':
        return jane.password || jane.mfa.length > 0
      case 'api_token':
        return active([...jane.accessKeys, ...jane.serviceCredentials])
      case 'ssh_key':
        return active(jane.sshKeys)
      case 'signing_key':
        return active(jane.certificates)
      default:
        return jane.groups.length > 0
    }
  }
  return {
    iam,
    proxy,
    app: {
      id: 'app',
      connectorId: 'aws-iam',
      config: {
        endpoint: proxy.origin,
        names: ['userName', 'externalId'],
        roles: ['deploy'],
        settleSeconds: 0,
        ...config,
      },
      allowNetworks: ['127.0.0.0/8'],
    },
    secrets: {
      accessKeyId: 'AKIADOER',
      secretAccessKey: 'canary-doer-5d1c77',
      witnessAccessKeyId: 'AKIAWITNESS',
      witnessSecretAccessKey: 'canary-witness-90ab12',
    },
    subject: { ...person, userName: 'Jane@example.com', externalId: 'emp-7' },
    stranger: { ...person, userName: 'nobody@example.com', externalId: 'emp-0' },
    twins: { ...person, userName: 'twin@example.com', externalId: 'emp-9' },
    accountId: 'AIDA7/jane@example.com',
    strangerId: 'AIDA999/nobody@example.com',
    isLive,
    bystandersHit: () =>
      iam.users.filter(
        ({ id, policies, accessKeys }) =>
          id !== 'AIDA7' && (policies.size > 0 || accessKeys.some((k) => k.status !== 'Active')),
      ).length,
    wire: { seen: proxy.seen, inject: proxy.inject, isWrite },
    tricks: {
      lie: () =>
        proxy.inject(
          { kind: 'answer', status: 200, body: writeAnswer('PutUserPolicy', {}) },
          isWrite,
        ),
      repeatPages: () =>
        proxy.inject(
          {
            kind: 'answer',
            status: 200,
            body: writeAnswer('ListUsers', { Users: [], IsTruncated: true, Marker: 'same' }),
          },
          ({ body }) => body.includes('Action=ListUsers'),
        ),
    },
    cannot: {
      ignoreFilter: 'users are asked for by name',
      hideRows: 'the listing carries no count',
    },
    close: async () => {
      await proxy.close()
      await iam.close()
    },
  }
}
