import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { readRequest, writeAnswer, writeError } from './query-protocol.ts'

interface Keyed {
  id: string
  status: 'Active' | 'Inactive' | 'Expired'
}
export interface FakeUser {
  id: string
  name: string
  password: boolean
  mfa: string[]
  accessKeys: Keyed[]
  serviceCredentials: Keyed[]
  sshKeys: Keyed[]
  certificates: Keyed[]
  groups: string[]
  policies: Map<string, string>
}

export interface FakeIam {
  origin: string
  users: FakeUser[]
  /** Inline policies by role. */
  roles: Map<string, Map<string, string>>
  violations: string[]
  close(): Promise<void>
}

class Refused extends Error {
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

export const user = (id: string, name: string, more: Partial<FakeUser> = {}): FakeUser => ({
  id,
  name,
  password: true,
  mfa: [],
  accessKeys: [],
  serviceCredentials: [],
  sshKeys: [],
  certificates: [],
  groups: [],
  policies: new Map(),
  ...more,
})

const DATE = '2026-01-01T00:00:00Z'

/**
 * IAM of one account. Requests are read and answers written by the model of the vendor's SDK.
 *
 * @param doer access key id that may write; `witness` may only read
 */
export async function startFakeIam(
  users: FakeUser[],
  roles: string[],
  { doer, witness }: { doer: string; witness: string },
): Promise<FakeIam> {
  const violations: string[] = []
  const policiesOfRole = new Map(roles.map((name) => [name, new Map<string, string>()]))
  const named = (name: string | undefined): FakeUser => {
    const found = users.find((one) => one.name.toLowerCase() === name?.toLowerCase())
    if (found === undefined) throw new Refused('NoSuchEntity')
    return found
  }
  const pick = <T>(found: T | undefined): T => {
    if (found === undefined) throw new Refused('NoSuchEntity')
    return found
  }
  /** Two to a page. */
  const page = <T>(all: readonly T[], marker = '0') => {
    const from = Number(marker)
    const isMore = all.length > from + 2
    return {
      items: all.slice(from, from + 2),
      rest: { IsTruncated: isMore, ...(isMore ? { Marker: String(from + 2) } : {}) },
    }
  }
  const shown = ({ id, name }: FakeUser) => ({
    Path: '/',
    UserName: name,
    UserId: id,
    Arn: `arn:aws:iam::123456789012:user/${name}`,
    CreateDate: DATE,
  })
  const setStatus = (list: Keyed[], id: string | undefined, status = ''): object => {
    pick(list.find((one) => one.id === id)).status = status as Keyed['status']
    return {}
  }
  const remove = (list: Keyed[], id: string | undefined): object => {
    const at = list.findIndex((one) => one.id === id)
    if (at < 0) throw new Refused('NoSuchEntity')
    list.splice(at, 1)
    return {}
  }
  const policyOf = (policies: Map<string, string>, name = ''): string =>
    encodeURIComponent(pick(policies.get(name)))

  type Input = Record<string, string>
  const actions: Record<string, (input: Input) => object> = {
    GetUser: ({ UserName }) => ({ User: shown(named(UserName ?? 'hub')) }),
    ListUsers: ({ Marker }) => {
      const { items, rest } = page(users, Marker)
      return { Users: items.map(shown), ...rest }
    },
    GetUserPolicy: ({ UserName = '', PolicyName = '' }) => ({
      UserName,
      PolicyName,
      PolicyDocument: policyOf(named(UserName).policies, PolicyName),
    }),
    PutUserPolicy: ({ UserName, PolicyName = '', PolicyDocument = '' }) => {
      named(UserName).policies.set(PolicyName, PolicyDocument)
      return {}
    },
    DeleteUserPolicy: ({ UserName, PolicyName = '' }) => {
      if (!named(UserName).policies.delete(PolicyName)) throw new Refused('NoSuchEntity')
      return {}
    },
    GetRolePolicy: ({ RoleName = '', PolicyName = '' }) => ({
      RoleName,
      PolicyName,
      PolicyDocument: policyOf(pick(policiesOfRole.get(RoleName)), PolicyName),
    }),
    PutRolePolicy: ({ RoleName = '', PolicyName = '', PolicyDocument = '' }) => {
      pick(policiesOfRole.get(RoleName)).set(PolicyName, PolicyDocument)
      return {}
    },
    GetLoginProfile: ({ UserName = '' }) => {
      if (!named(UserName).password) throw new Refused('NoSuchEntity')
      return { LoginProfile: { UserName, CreateDate: DATE } }
    },
    DeleteLoginProfile: ({ UserName }) => {
      const one = named(UserName)
      if (!one.password) throw new Refused('NoSuchEntity')
      one.password = false
      return {}
    },
    ListMFADevices: ({ UserName = '', Marker }) => {
      const { items, rest } = page(named(UserName).mfa, Marker)
      const MFADevices = items.map((SerialNumber) => ({ UserName, SerialNumber, EnableDate: DATE }))
      return { MFADevices, ...rest }
    },
    DeactivateMFADevice: ({ UserName, SerialNumber }) => {
      const one = named(UserName)
      // The password must not be left without a second factor.
      if (one.password) violations.push('the second factor fell before the password')
      one.mfa = one.mfa.filter((serial) => serial !== SerialNumber)
      return {}
    },
    ListAccessKeys: ({ UserName = '', Marker }) => {
      const { items, rest } = page(named(UserName).accessKeys, Marker)
      const AccessKeyMetadata = items.map(({ id, status }) => ({
        UserName,
        AccessKeyId: id,
        Status: status,
        CreateDate: DATE,
      }))
      return { AccessKeyMetadata, ...rest }
    },
    UpdateAccessKey: ({ UserName, AccessKeyId, Status }) =>
      setStatus(named(UserName).accessKeys, AccessKeyId, Status),
    DeleteAccessKey: ({ UserName, AccessKeyId }) => remove(named(UserName).accessKeys, AccessKeyId),
    ListServiceSpecificCredentials: ({ UserName = '', Marker }) => {
      const { items, rest } = page(named(UserName).serviceCredentials, Marker)
      const ServiceSpecificCredentials = items.map(({ id, status }) => ({
        UserName,
        Status: status,
        CreateDate: DATE,
        ServiceSpecificCredentialId: id,
        ServiceName: 'codecommit.amazonaws.com',
      }))
      return { ServiceSpecificCredentials, ...rest }
    },
    UpdateServiceSpecificCredential: ({ UserName, ServiceSpecificCredentialId, Status }) =>
      setStatus(named(UserName).serviceCredentials, ServiceSpecificCredentialId, Status),
    DeleteServiceSpecificCredential: ({ UserName, ServiceSpecificCredentialId }) =>
      remove(named(UserName).serviceCredentials, ServiceSpecificCredentialId),
    ListSSHPublicKeys: ({ UserName = '', Marker }) => {
      const { items, rest } = page(named(UserName).sshKeys, Marker)
      const SSHPublicKeys = items.map(({ id, status }) => ({
        UserName,
        SSHPublicKeyId: id,
        Status: status,
        UploadDate: DATE,
      }))
      return { SSHPublicKeys, ...rest }
    },
    UpdateSSHPublicKey: ({ UserName, SSHPublicKeyId, Status }) =>
      setStatus(named(UserName).sshKeys, SSHPublicKeyId, Status),
    DeleteSSHPublicKey: ({ UserName, SSHPublicKeyId }) =>
      remove(named(UserName).sshKeys, SSHPublicKeyId),
    ListSigningCertificates: ({ UserName = '', Marker }) => {
      const { items, rest } = page(named(UserName).certificates, Marker)
      const Certificates = items.map(({ id, status }) => ({
        UserName,
        CertificateId: id,
        CertificateBody: 'PEM',
        Status: status,
        UploadDate: DATE,
      }))
      return { Certificates, ...rest }
    },
    UpdateSigningCertificate: ({ UserName, CertificateId, Status }) =>
      setStatus(named(UserName).certificates, CertificateId, Status),
    DeleteSigningCertificate: ({ UserName, CertificateId }) =>
      remove(named(UserName).certificates, CertificateId),
    ListGroupsForUser: ({ UserName, Marker }) => {
      const { items, rest } = page(named(UserName).groups, Marker)
      const Groups = items.map((GroupName) => ({
        Path: '/',
        GroupName,
        GroupId: `AGPA${GroupName}`,
        Arn: `arn:aws:iam::123456789012:group/${GroupName}`,
        CreateDate: DATE,
      }))
      return { Groups, ...rest }
    },
    RemoveUserFromGroup: ({ UserName, GroupName }) => {
      const one = named(UserName)
      if (!one.groups.includes(GroupName ?? '')) throw new Refused('NoSuchEntity')
      one.groups = one.groups.filter((group) => group !== GroupName)
      return {}
    },
    AddUserToGroup: ({ UserName, GroupName = '' }) => {
      named(UserName).groups.push(GroupName)
      return {}
    },
  }

  function answer(body: string, authorization: string): [status: number, body: string] {
    const keyId = /^AWS4-HMAC-SHA256 Credential=(\w+)\/\d{8}\/us-east-1\/iam\/aws4_request, /.exec(
      authorization,
    )?.[1]
    if (keyId !== doer && keyId !== witness) return [403, writeError('InvalidClientTokenId')]
    try {
      const { action, input } = readRequest(body)
      const isRead = /^(Get|List)/.test(action)
      if (!isRead && keyId !== doer) return [403, writeError('AccessDenied')]
      const carryOut = actions[action]
      if (carryOut === undefined) throw new Error(`the fake has no ${action}`)
      return [200, writeAnswer(action, carryOut(input))]
    } catch (error) {
      if (error instanceof Refused) return [404, writeError(error.code)]
      violations.push(String(error))
      return [500, writeError('ServiceFailure')]
    }
  }

  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const [status, content] = answer(body, request.headers.authorization ?? '')
      response.writeHead(status, { 'content-type': 'text/xml' }).end(content)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    users,
    roles: policiesOfRole,
    violations,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (violations.length > 0) throw new Error(`not as the model says:\n${violations.join('\n')}`)
    },
  }
}
