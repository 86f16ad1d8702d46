import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { systemClock } from '../shared/clock.ts'
import { isHubError } from '../shared/errors.ts'
import { createVault } from '../vault/vault.ts'
import { CliError } from './api-client.ts'
import { ALL, type Context, command, type MakeContext, step } from './context.ts'
import { configFor, masterKeyOf, withDatabase } from './database.ts'
import { clock, database, disk, type Finding, fail, ok, warn } from './doctor-judgement.ts'
import { aheadOfTimeServer } from './ntp.ts'
import { print, shown, styled } from './output.ts'

/** Adds `quittance doctor`. */
export function registerDoctor(program: Command, context: MakeContext): void {
  command(program, 'doctor', 'is this installation sound? Each line says what to do')
    .option('--ntp <server>', 'compare the clock with a time server too, e.g. pool.ntp.org')
    .option('--skip-apps', 'do not test the connections of apps')
    .addHelpText(
      'after',
      '\nReads the same settings as the hub, looks into its database, and asks the hub at QUITTANCE_URL. Changes nothing.' +
        '\nExit codes: 0 nothing fails (there may be warnings), 1 something fails',
    )
    .action(async (options: { ntp?: string; skipApps?: boolean; json?: boolean }) => {
      const made = context(options)
      const findings = await look(made, options).finally(made.progress.done)
      const counts = { ok: 0, warn: 0, fail: 0 }
      for (const { state } of findings) counts[state] += 1
      print(made.output, { ...counts, findings }, () =>
        [
          ...findings.map((finding) => line(made, finding)),
          '',
          `${counts.ok} ok, ${counts.warn} warnings, ${counts.fail} failures`,
        ].join('\n'),
      )
      if (counts.fail > 0) made.setExitCode(1)
    })
}

const MARKS = { ok: ['green', '✔'], warn: ['yellow', '!'], fail: ['red', '✘'] } as const

function line({ output }: Context, { state, what, detail, todo }: Finding): string {
  const [colour, mark] = MARKS[state]
  const lines = detail.split('\n').map((one) => shown(one.trim()))
  if (todo !== undefined) lines.push(`→ ${todo}`)
  return `${styled(output, colour, mark)} ${what.padEnd(14)}${lines.join(`\n${' '.repeat(16)}`)}`
}

async function look(
  context: Context,
  options: { ntp?: string; skipApps?: boolean },
): Promise<Finding[]> {
  const { env, progress } = context
  const show = (text: string): void => progress.show(text)
  show('configuration')
  let config: Config
  try {
    config = await configFor(env, ['MASTER_KEY', 'ADMIN_TOKEN'])
  } catch (error) {
    if (!isHubError(error, 'ERR_CONFIG')) throw error
    return [fail('configuration', error.message, 'Mend the settings; the rest was not looked at.')]
  }
  const findings = [ok('configuration', `roles ${config.roles.join(', ')}`)]
  findings.push(...(await folder(config)), ...(await signingKeys(config)))
  show('database')
  findings.push(...(await inDatabase(context, config)))
  if (options.ntp !== undefined) findings.push(await timeServer(options.ntp))
  show('hub')
  findings.push(...(await hub(context, options.skipApps === true)))
  return findings
}

async function folder({ dataDir }: Config): Promise<Finding[]> {
  try {
    const { bavail, blocks, bsize } = await statfs(dataDir)
    const { mode } = await stat(dataDir)
    const room = disk(dataDir, { free: bavail * bsize, total: blocks * bsize })
    return [
      (mode & 0o007) === 0
        ? ok('data folder', dataDir)
        : warn('data folder', `${dataDir} is open to every user`, `chmod 700 ${dataDir}`),
      room,
    ]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    const todo = 'The hub makes it at its first start; else set DATA_DIR to that of the hub.'
    return [warn('data folder', `${dataDir} cannot be read (${code})`, todo)]
  }
}

/** The signer's keys and its memory: neither is in a backup of the database. */
async function signingKeys({ dataDir, roles, ledgerLogKeys }: Config): Promise<Finding[]> {
  const signs = roles.includes('signer') || (roles.includes('ledger') && ledgerLogKeys.length === 0)
  if (!signs) return []
  const [key, memory] = ['log.key', 'signer-state.json'].map((name) => join(dataDir, 'keys', name))
  const modes = await Promise.all([modeOf(key ?? ''), modeOf(memory ?? '')])
  if (modes[0] === undefined) {
    return [
      warn(
        'signing key',
        `${key} is not there`,
        'The first start makes it. If this log has entries, put its key back.',
      ),
    ]
  }
  if ((modes[0] & 0o077) !== 0) {
    return [fail('signing key', `${key} is readable by others`, `chmod 600 ${key}`)]
  }
  return [
    modes[1] === undefined
      ? warn(
          'signing key',
          `${memory} is not there`,
          'If this log was signed before, put it back: docs/ledger.md.',
        )
      : ok('signing key', `${key}, and the memory of the signer; keep a copy elsewhere`),
  ]
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function inDatabase({ env }: Context, config: Config): Promise<Finding[]> {
  try {
    return await withDatabase(env, ['MASTER_KEY'], async (connection) => {
      const { masterKeysInUse } = await import('../storage/master-key.ts')
      const { countOthers } = await import('../storage/rewrap.ts')
      const { serverFacts } = await import('../storage/topology.ts')
      const facts = await serverFacts(connection, systemClock.now)
      const masterKey = await masterKeyOf(config)
      const vault = createVault(masterKey, config.otherMasterKeys)
      const needed = await masterKeysInUse(connection)
      const missing = needed.filter((id) => !vault.fingerprints.includes(id))
      const others = await countOthers(connection, vault)
      return [
        ...database(facts, config.mongodbUri === undefined),
        clock('MongoDB', facts.aheadMs, facts.roundTripMs / 2),
        missing.length > 0
          ? fail(
              'master key',
              `the data need ${missing.join(', ')}`,
              'Set the MASTER_KEY that belongs to this database.',
            )
          : others > 0
            ? warn(
                'master key',
                `${others} keys are wrapped under another one`,
                'quittance keys rewrap',
              )
            : ok('master key', `${vault.fingerprint} opens everything`),
      ]
    })
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const todo =
      'Without its database a hub answers 503 to everybody. Look at MONGODB_URI, the network, the server.'
    return [fail('database', error.message, todo)]
  }
}

async function timeServer(server: string): Promise<Finding> {
  try {
    return clock(server, await aheadOfTimeServer(server, systemClock.now), 50)
  } catch (error) {
    const detail = `${server} does not tell the time (${(error as Error).message})`
    return warn('clock', detail, 'Name another server with --ntp; UDP port 123 must be open.')
  }
}

async function hub({ api, progress }: Context, skipApps: boolean): Promise<Finding[]> {
  try {
    const response = await api.raw('/readyz')
    const { checks } = (await response.json()) as { checks: { name: string; ready: boolean }[] }
    const down = checks.filter(({ ready }) => !ready).map(({ name }) => name)
    const findings = [
      response.ok
        ? ok('hub', `${api.url} is ready`)
        : fail(
            'hub',
            `${api.url} is not ready: ${down.join(', ')}`,
            'Its log says why; docs/runbook.md.',
          ),
    ]
    if (skipApps) return findings
    const items = await api.pages<AppView>('/apps', {}, ALL)
    for (const [index, app] of items.filter((one) => one.removedAt === undefined).entries()) {
      progress.show(app.name, index / items.length)
      findings.push(await tested(api, app))
    }
    return findings
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return [fail('hub', error.message, 'Set QUITTANCE_URL and QUITTANCE_TOKEN, or start the hub.')]
  }
}

interface AppView {
  id: string
  name: string
  state: string
  removedAt?: string
}

async function tested(api: Context['api'], { id, name, state }: AppView): Promise<Finding> {
  const what = 'app'
  if (state === 'paused') return warn(what, `${name} is paused`, `quittance apps resume ${id}`)
  const { checks } = await api.json<{ checks: { name: string; ok: boolean; detail: string }[] }>(
    'POST',
    `/apps/${step(id)}/test`,
  )
  const bad = checks.filter((check) => !check.ok)
  return bad.length === 0
    ? ok(what, `${name}: ${checks.length} checks`)
    : fail(
        what,
        `${name}: ${bad.map((b) => `${b.name}: ${b.detail}`).join('; ')}`,
        `quittance apps test ${id}`,
      )
}
