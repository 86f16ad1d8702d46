import { randomBytes } from 'node:crypto'
import { ResultCodeError } from 'ldapts'
import type { Handle, Observation } from '#connector-sdk'
import { ldapFault } from './fault.ts'
import { PasswordPolicyControl } from './password-policy.ts'
import { type Person, profileOf } from './people.ts'
import { type Call, connect } from './session.ts'

/**
 * Binds as the person with a password that nobody has. A server that looks at the lock first says so: then no password
 * would have helped, the right one neither. A plain refusal of the password says nothing.
 */
export async function probeBind(
  call: Call,
  handle: Handle,
  { entry }: Person,
): Promise<Observation> {
  const control = new PasswordPolicyControl()
  let status = 0
  let message = ''
  try {
    const client = await connect(call)
    try {
      await client.bind(entry.dn, randomBytes(24).toString('base64url'), control)
    } finally {
      // The answer is in hand: what goes wrong with the good-bye changes nothing.
      client.unbind().catch(() => {})
    }
  } catch (error) {
    if (!(error instanceof ResultCodeError)) {
      throw ldapFault(error, {
        what: 'try to bind',
        at: call.now(),
        mayHaveDone: 'none',
        hasDone: false,
      })
    }
    status = error.code
    message = error.message
  }
  const isLocked =
    status !== 0 && (control.accountLocked || profileOf(call).saysLocked(status, message))
  const state = status === 0 ? 'live' : isLocked ? 'dead' : 'unknown'
  const at = call.now()
  const body = JSON.stringify({ status, message, accountLocked: control.accountLocked })
  return {
    handle,
    state,
    at,
    evidence: { method: 'LDAP bind', target: 'as the person', status, at, body },
  }
}
