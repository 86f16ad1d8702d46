import { type CallContext, type Evidence, joinEvidence, readEveryPage } from '#connector-sdk'
import { ask, lookUp } from './client.ts'
import type { AwsIamConfig } from './config.ts'

type Call = CallContext<AwsIamConfig>

/** One thing by which a user has access. */
export interface Item {
  /** Unique within its kind, e.g. the id of an access key. */
  id: string
  isLive: boolean
}

/** How one kind of access is listed, ended and put back. */
export interface Credential {
  list(user: string, call: Call): Promise<{ items: Item[]; evidence: Evidence }>
  end(user: string, id: string, call: Call): Promise<Evidence>
  /** Absent where it cannot be put back. */
  putBack?(user: string, id: string, call: Call): Promise<Evidence>
}

interface Listed {
  items: Item[]
  marker?: string | undefined
}

const MAX_ITEMS = 1_000

async function listed(
  read: (
    marker: { Marker: string } | Record<never, never>,
  ) => Promise<{ page: Listed; evidence: Evidence }>,
): Promise<{ items: Item[]; evidence: Evidence }> {
  const { items, evidence } = await readEveryPage(async (cursor) => {
    const { page, evidence } = await read(cursor === undefined ? {} : { Marker: cursor })
    const next = page.marker === undefined ? {} : { next: page.marker }
    return { items: page.items, evidence, ...next }
  }, MAX_ITEMS)
  return { items, evidence: joinEvidence(evidence) }
}

const item = (id: string | undefined, status?: string): Item => ({
  id: id ?? '',
  // Anything but a clear "Inactive" may still work ("Expired" of a service-specific credential does not).
  isLive: status !== 'Inactive' && status !== 'Expired',
})

const done = async (work: Promise<{ evidence: Evidence }>): Promise<Evidence> =>
  (await work).evidence

/** What `keys` says is done to a key. */
function keyed(
  status: 'Active' | 'Inactive',
  remove: (call: Call) => Promise<{ evidence: Evidence }>,
  update: (call: Call) => Promise<{ evidence: Evidence }>,
  call: Call,
): Promise<Evidence> {
  return done(status === 'Inactive' && call.config.keys === 'delete' ? remove(call) : update(call))
}

const accessKeys = {
  list: (UserName: string, call: Call) =>
    listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listAccessKeys({ UserName, ...marker }),
      )
      const items = (output.AccessKeyMetadata ?? []).map((key) => item(key.AccessKeyId, key.Status))
      return { page: { items, marker: output.Marker }, evidence }
    }),
  set: (UserName: string, AccessKeyId: string, Status: 'Active' | 'Inactive', call: Call) =>
    keyed(
      Status,
      (c) => ask(c, (iam) => iam.deleteAccessKey({ UserName, AccessKeyId })),
      (c) => ask(c, (iam) => iam.updateAccessKey({ UserName, AccessKeyId, Status })),
      call,
    ),
}

/** For CodeCommit, Keyspaces, Bedrock … */
const serviceCredentials = {
  list: (UserName: string, call: Call) =>
    listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listServiceSpecificCredentials({ UserName, ...marker }),
      )
      const items = (output.ServiceSpecificCredentials ?? []).map((one) =>
        item(one.ServiceSpecificCredentialId, one.Status),
      )
      return { page: { items, marker: output.Marker }, evidence }
    }),
  set: (
    UserName: string,
    ServiceSpecificCredentialId: string,
    Status: 'Active' | 'Inactive',
    call: Call,
  ) => {
    const which = { UserName, ServiceSpecificCredentialId }
    return keyed(
      Status,
      (c) => ask(c, (iam) => iam.deleteServiceSpecificCredential(which)),
      (c) => ask(c, (iam) => iam.updateServiceSpecificCredential({ ...which, Status })),
      call,
    )
  },
}

/** Ids of access keys begin with AKIA, those of service-specific credentials with ACCA. */
const tokenOf = (id: string) => (id.startsWith('AKIA') ? accessKeys : serviceCredentials)

const apiToken: Credential = {
  list: async (user, call) => {
    const keys = await accessKeys.list(user, call)
    const others = await serviceCredentials.list(user, call)
    return {
      items: [...keys.items, ...others.items],
      evidence: joinEvidence([keys.evidence, others.evidence]),
    }
  },
  end: (user, id, call) => tokenOf(id).set(user, id, 'Inactive', call),
  putBack: (user, id, call) => tokenOf(id).set(user, id, 'Active', call),
}

const sshKey: Credential = {
  list: (UserName, call) =>
    listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listSSHPublicKeys({ UserName, ...marker }),
      )
      const items = (output.SSHPublicKeys ?? []).map((key) => item(key.SSHPublicKeyId, key.Status))
      return { page: { items, marker: output.Marker }, evidence }
    }),
  end: (user, id, call) => setSshKey(user, id, 'Inactive', call),
  putBack: (user, id, call) => setSshKey(user, id, 'Active', call),
}

function setSshKey(
  UserName: string,
  SSHPublicKeyId: string,
  Status: 'Active' | 'Inactive',
  call: Call,
): Promise<Evidence> {
  return keyed(
    Status,
    (c) => ask(c, (iam) => iam.deleteSSHPublicKey({ UserName, SSHPublicKeyId })),
    (c) => ask(c, (iam) => iam.updateSSHPublicKey({ UserName, SSHPublicKeyId, Status })),
    call,
  )
}

const signingCertificate: Credential = {
  list: (UserName, call) =>
    listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listSigningCertificates({ UserName, ...marker }),
      )
      const items = (output.Certificates ?? []).map((one) => item(one.CertificateId, one.Status))
      return { page: { items, marker: output.Marker }, evidence }
    }),
  end: (user, id, call) => setCertificate(user, id, 'Inactive', call),
  putBack: (user, id, call) => setCertificate(user, id, 'Active', call),
}

function setCertificate(
  UserName: string,
  CertificateId: string,
  Status: 'Active' | 'Inactive',
  call: Call,
): Promise<Evidence> {
  return keyed(
    Status,
    (c) => ask(c, (iam) => iam.deleteSigningCertificate({ UserName, CertificateId })),
    (c) => ask(c, (iam) => iam.updateSigningCertificate({ UserName, CertificateId, Status })),
    call,
  )
}

const PASSWORD = 'password'

/** The password of the console first: a second factor must not fall while it still works. */
const localLogin: Credential = {
  list: async (UserName, call) => {
    const profile = await lookUp(call, (iam) => iam.getLoginProfile({ UserName }))
    const devices = await listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listMFADevices({ UserName, ...marker }),
      )
      const items = (output.MFADevices ?? []).map((one) => item(one.SerialNumber))
      return { page: { items, marker: output.Marker }, evidence }
    })
    return {
      items: [...(profile.output === undefined ? [] : [item(PASSWORD)]), ...devices.items],
      evidence: joinEvidence([profile.evidence, devices.evidence]),
    }
  },
  end: (UserName, id, call) =>
    done(
      id === PASSWORD
        ? ask(call, (iam) => iam.deleteLoginProfile({ UserName }))
        : ask(call, (iam) => iam.deactivateMFADevice({ UserName, SerialNumber: id })),
    ),
}

const membership: Credential = {
  list: (UserName, call) =>
    listed(async (marker) => {
      const { output, evidence } = await ask(call, (iam) =>
        iam.listGroupsForUser({ UserName, ...marker }),
      )
      const items = (output.Groups ?? []).map(({ GroupName }) => item(GroupName))
      return { page: { items, marker: output.Marker }, evidence }
    }),
  end: (UserName, GroupName, call) =>
    done(ask(call, (iam) => iam.removeUserFromGroup({ UserName, GroupName }))),
  putBack: (UserName, GroupName, call) =>
    done(ask(call, (iam) => iam.addUserToGroup({ UserName, GroupName }))),
}

/** By facet. `account` and `session` are ended by policies instead. */
export const credentials = {
  local_login: localLogin,
  api_token: apiToken,
  ssh_key: sshKey,
  signing_key: signingCertificate,
  membership,
} as const
