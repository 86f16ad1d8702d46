import { z } from 'zod'
import { loginSettings } from '#connector-sdk'

/** What the owner of a Linux host fills in. */
export const linuxSshConfig = z.strictObject({
  host: z
    .string()
    .min(1)
    .meta({ title: 'Host', examples: ['web1.example.com'] }),
  port: z.int().min(1).max(65_535).default(22).meta({ title: 'Port' }),
  hostKeys: z
    .array(z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/))
    .min(1)
    .meta({
      title: 'Fingerprints of the host’s keys',
      description:
        'As `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints them. No other host is talked to.',
      examples: ['SHA256:…'],
    }),
  user: z.string().min(1).default('quittance').meta({ title: 'User of the hub that may act' }),
  witnessUser: z.string().min(1).optional().meta({
    title: 'User of the hub that may only look',
    description: 'Goes with the secret witnessPrivateKey; default: the same user.',
  }),
  ...loginSettings,
})

export type LinuxSshConfig = z.output<typeof linuxSshConfig>
