import { Command } from 'commander'
import { VERSION } from '../version.ts'
import { registerAlerts } from './alerts.ts'
import { registerApprovals } from './approvals.ts'
import { registerApps } from './apps.ts'
import { registerBackup } from './backup.ts'
import { registerCompletion } from './completion.ts'
import { registerConnectorsNew } from './connectors-new.ts'
import type { MakeContext } from './context.ts'
import { registerDoctor } from './doctor.ts'
import { registerKeys } from './keys.ts'
import { registerLedger } from './ledger.ts'
import { registerOffboard } from './offboard.ts'
import { registerUsers } from './people.ts'
import { registerRevocations } from './revocations.ts'
import { registerSources } from './sources.ts'
import { registerStart } from './start.ts'
import { registerStatus } from './status.ts'
import { registerTokens } from './tokens.ts'
import { registerVerify } from './verify.ts'

/** All commands: `quittance <noun> <verb>`. */
export function createProgram(context: MakeContext): Command {
  const program = new Command('quittance')
    .description('Proves that people lost their access.')
    .addHelpText(
      'after',
      '\nEnvironment: QUITTANCE_URL (default http://127.0.0.1:8080), QUITTANCE_TOKEN (an API token; on the\n' +
        "hub's own machine that of DATA_DIR/admin-token is found by itself), QUITTANCE_DEBUG=1 (where a fault came from).",
    )
    .version(VERSION, '--version', 'which version this is')
    // Throws instead of ending the process; commands made from here on do the same.
    .exitOverride()
    .showHelpAfterError('(add --help for what is possible)')
  registerStart(program)
  registerStatus(program, context)
  registerUsers(program, context)
  registerOffboard(program, context)
  registerRevocations(program, context)
  registerApprovals(program, context)
  registerAlerts(program, context)
  registerSources(program, context)
  registerApps(program, context)
  registerConnectorsNew(program)
  registerTokens(program, context)
  registerVerify(program)
  registerLedger(program, context)
  registerBackup(program, context)
  registerKeys(program, context)
  registerDoctor(program, context)
  registerCompletion(program)
  return program
}
