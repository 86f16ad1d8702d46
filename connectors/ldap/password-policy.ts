import { type BerReader, Control } from 'ldapts'

/** accountLocked (1) of PasswordPolicyResponseValue. */
const ACCOUNT_LOCKED = 1

/**
 * Asks a server to say why it refuses a bind. OpenLDAP looks at the lock before the password and answers
 * `accountLocked`, if `ppolicy_use_lockout` is on.
 *
 * @see draft-behera-ldap-password-policy-10 §6
 */
export class PasswordPolicyControl extends Control {
  /** True once a response said so. */
  accountLocked = false

  constructor() {
    super('1.3.6.1.4.1.42.2.27.8.5.1')
  }

  /** PasswordPolicyResponseValue ::= SEQUENCE { warning [0] CHOICE …, error [1] ENUMERATED … } */
  override parseControl(reader: BerReader): void {
    if (reader.readSequence() === null) return
    while (reader.remain > 0) {
      const tag = reader.peek()
      const value = reader.readString(tag ?? 0, true)
      if (tag === 0x81) this.accountLocked = value?.[0] === ACCOUNT_LOCKED
    }
  }
}
