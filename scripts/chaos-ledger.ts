// Kills and freezes sequencers until enough of them have died, while entries come in, and checks every snapshot.
// node --import tsx scripts/chaos-ledger.ts [--kills 200] [--seconds 60]
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '60' },
  },
})
const { status } = spawnSync('npx', ['vitest', 'run', 'test/fault/ledger-chaos.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, CHAOS_KILLS: values.kills, CHAOS_SECONDS: values.seconds },
})
process.exitCode = status ?? 1
