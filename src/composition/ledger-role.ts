import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAnchors } from '../ledger/anchors.ts'
import type { OnSealed } from '../ledger/intake.ts'
import type { Policy } from '../ledger/policy.ts'
import { createLedgerReader } from '../ledger/reader.ts'
import { createSignerReporter } from '../ledger/signer-report.ts'
import { createLedger, createSealing, createSigning, type Ledger } from '../ledger/start-ledger.ts'
import { readerSource } from '../ledger/tlog-source.ts'
import { createWormCopy } from '../ledger/worm-copy.ts'
import type { LaneWake, Listening } from '../revocation/wake.ts'
import { SECOND } from '../shared/clock.ts'
import { VERSION } from '../version.ts'
import { authorityOf, logVerifiers } from './ledger-parties.ts'
import { inOrder, type Service } from './lifecycle.ts'
import type { Parts } from './parts.ts'
import { wormStoreOf } from './worm-store.ts'

/** What this process does for the ledger: `status` and keys where it signs, `poke` where it seals. */
export type LedgerRole = Pick<Ledger, 'start' | 'stop'> &
  Partial<Pick<Ledger, 'poke' | 'status' | 'verifierKeys'>>

/** Between two looks for entries of other processes while these can, and while they cannot, say that some will come. */
const HEARING_MS = 5 * SECOND
const DEAF_MS = 2 * SECOND

/** Sealing, signing with all that follows a signature, or both; undefined in a process that does neither. */
export async function createLedgerRole(
  parts: Parts,
  { policy, onSealed }: { policy: Policy | undefined; onSealed: OnSealed },
): Promise<LedgerRole | undefined> {
  const { config, stores, wake, log } = parts
  const ear = createEar(wake, () => role?.poke?.())
  const idleMs = (): number => (ear.hears() ? HEARING_MS : DEAF_MS)
  const role = await sealerOrSigner(parts, { onSealed, idleMs })
  if (role === undefined) return undefined
  const heard = role.poke === undefined ? undefined : ear
  if (role.status === undefined) return { ...role, ...inOrder([role, heard]) }
  if (role.verifierKeys !== undefined) {
    // Beside the keys, for people: what an auditor pins, handed over by another way than a certificate.
    await writeFile(join(config.dataDir, 'keys', 'log.vkey'), `${role.verifierKeys.log}\n`)
  }
  const { status } = role
  const { ledgerOrigin: origin } = config
  const common = { store: stores.ledger, clock: stores.clock, log }
  const authority = await authorityOf(config)
  const anchors =
    (policy ?? authority) === undefined
      ? undefined
      : createAnchors({ ...common, policy, authority, fetch })
  const worm = wormStoreOf(config)
  const reader = createLedgerReader({ origin, store: stores.ledger })
  const copy =
    worm === undefined
      ? undefined
      : createWormCopy({
          ...common,
          source: readerSource(reader),
          logKeys: async () => logVerifiers((await reader.verifierKeys()).log, origin),
          worm,
          // Of several processes, the one that signs.
          leading: () => status().leading,
        })
  const reporter = createSignerReporter({
    ...common,
    state: () => {
      const { leading, refused } = status()
      return leading ? { refused, worm: copy?.status() } : undefined
    },
  })
  return { ...role, ...inOrder([reporter, copy, role, anchors, heard]) }
}

/** Hears when work is committed anywhere: its entries will follow. */
function createEar(wake: LaneWake, onRung: () => void): Service & Pick<Listening, 'hears'> {
  let listening: Listening | undefined
  return {
    start: () => {
      listening ??= wake.listen(onRung)
    },
    stop: async () => listening?.stop(),
    hears: () => listening?.hears() ?? false,
  }
}

async function sealerOrSigner(
  { config, secrets, stores, holder, log }: Parts,
  sealing: { onSealed: OnSealed; idleMs: () => number },
): Promise<LedgerRole | undefined> {
  const { ledgerOrigin: origin, ledgerLogKeys, roles } = config
  const common = { origin, store: stores.ledger, clock: stores.clock, log }
  const signer = {
    ...common,
    directory: join(config.dataDir, 'keys'),
    masterKey: secrets.masterKey,
    otherMasterKeys: config.otherMasterKeys,
    software: `quittance@${VERSION}`,
  }
  const sealer = { ...common, ...sealing, holder }
  if (roles.includes('ledger') && ledgerLogKeys.length > 0 && !roles.includes('signer')) {
    const { masterKey } = secrets
    return createSealing({ ...sealer, masterKey, logKeys: logVerifiers(ledgerLogKeys, origin) })
  }
  if (roles.includes('ledger')) return await createLedger({ ...signer, ...sealer })
  if (!roles.includes('signer')) return undefined
  return await createSigning({
    ...signer,
    holder,
    announce: (announced) =>
      stores.transactor.transaction((tx) => stores.firstIntake.enqueue(announced, tx)),
  })
}

/** A ledger that refuses to sign is a reason to look, not to send traffic elsewhere; it is named all the same. */
export const signing = (status: Ledger['status']) => async (): Promise<void> => {
  const { refused } = status()
  if (refused !== undefined) throw new Error(`the signer refuses: ${refused}`)
}
