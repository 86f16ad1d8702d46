import { z } from 'zod'
import { loginSettings } from '#connector-sdk'
import { PROFILES } from './profiles.ts'

/** What the owner of a directory fills in. */
export const ldapConfig = z
  .strictObject({
    profile: z.enum(PROFILES).meta({
      title: 'Kind of directory',
      description:
        'openldap (with the ppolicy overlay), 389 (389 DS, FreeIPA), ad (Active Directory, Samba).',
    }),
    host: z.string().min(1).meta({
      title: 'Host',
      description: 'Of a server that can be written to; with several, always the same one.',
    }),
    port: z.int().min(1).max(65_535).optional().meta({ title: 'Port', description: '636, or 389' }),
    security: z.enum(['ldaps', 'starttls', 'none']).default('ldaps').meta({
      title: 'TLS',
      description: 'The certificate is checked. none: only inside the allowed networks.',
    }),
    ca: z.string().optional().meta({
      title: 'Certificate authority (PEM)',
      description: 'With it, no other is trusted.',
    }),
    bindDn: z.string().min(1).meta({ title: 'DN of the hub that may change entries' }),
    witnessBindDn: z.string().min(1).optional().meta({
      title: 'DN of the hub that may only read',
      description: 'Goes with the secret witnessPassword; default: the same DN.',
    }),
    baseDn: z
      .string()
      .min(1)
      .meta({ title: 'Where the people are', examples: ['ou=people,dc=example,dc=org'] }),
    groupBaseDn: z.string().min(1).optional().meta({
      title: 'Where the groups are',
      description: 'Default: where the people are. Groups elsewhere are not looked at.',
    }),
    policyDn: z.string().min(1).optional().meta({
      title: 'DN of the default password policy (OpenLDAP)',
      description: 'A lock counts only where its pwdLockout is TRUE.',
    }),
    loginAttribute: z.string().optional().meta({
      title: 'Attribute with the login name',
      description: 'Default: uid, or sAMAccountName.',
    }),
    externalIdAttribute: z
      .string()
      .optional()
      .meta({
        title: 'Attribute with the employee number',
        examples: ['employeeNumber'],
      }),
    sshKeyAttribute: z
      .string()
      .optional()
      .meta({
        title: 'Attribute with SSH keys',
        examples: ['sshPublicKey'],
      }),
    ...loginSettings,
    residualMinutes: z.int().min(0).max(43_200).default(0).meta({
      title: 'Minutes for which open binds and tickets go on',
      description: 'LDAP ends none. Kerberos tickets: their longest life, often 600.',
    }),
    settleSeconds: z.int().min(0).max(86_400).default(0).meta({
      title: 'Seconds until a read shows what was written',
    }),
    maxEntries: z.int().min(1).max(1_000_000).default(50_000).meta({
      title: 'Most entries read in one listing',
    }),
  })
  .refine(({ profile, policyDn }) => profile !== 'openldap' || policyDn !== undefined, {
    path: ['policyDn'],
    message: 'needed with OpenLDAP: without pwdLockout a lock locks nothing',
  })

export type LdapConfig = z.output<typeof ldapConfig>
