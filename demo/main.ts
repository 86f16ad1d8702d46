import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { createHubApi, type HubApi } from './hub-api.ts'
import { accountOf, type Person, people } from './people.ts'
import { createProcesses } from './processes.ts'
import { createProgressTable, type Departure, type Unit, wordOf } from './progress-table.ts'
import { entraProvider, oktaProvider, type Provider } from './providers.ts'

/** How long, in ms, everything that should be proven may take before the demo fails. */
const PATIENCE_MS = 90_000

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, certificate: { type: 'string' } },
})
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const step = (text: string): void => say(`\n▸ ${text}`)

const dataDir = await mkdtemp(join(tmpdir(), 'quittance-demo-'))
const processes = createProcesses()
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stopped.abort(new Error(`stopped by ${signal}`)))
}

let exitCode = 1
try {
  exitCode = (await demo()) ? 0 : 1
  if (values.keep)
    await new Promise<void>((resolve) => stopped.signal.addEventListener('abort', () => resolve()))
} catch (error) {
  if (!stopped.signal.aborted) say(`\n✘ ${error instanceof Error ? error.message : String(error)}`)
} finally {
  await processes.stopAll()
  await rm(dataDir, { recursive: true, force: true })
}
process.exit(exitCode)

async function demo(): Promise<boolean> {
  const okta = people('okta')
  const entra = people('entra')
  const legacy = entra.slice(9, 14)

  step('Three applications, each a server of its own')
  const directory = await application('scim-app', [...okta, ...entra])
  const chat = await application('webhook-app', okta)
  const liar = await application('liar-app', legacy)
  say(`  Directory  ${directory}   a SCIM server built on another project's package`)
  say(`  Chat       ${chat}   takes signed webhooks, has sessions`)
  say(`  Legacy     ${liar}   a liar: answers 200 and changes nothing`)

  step('The hub, with a real MongoDB of its own')
  const began = performance.now()
  const adminToken = `qtc_admin_demo_${crypto.randomUUID()}`
  const origin = await processes.start(
    'src/main.ts',
    [],
    { DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1', ADMIN_TOKEN: adminToken, LOG_LEVEL: 'warn' },
    (line) => /(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1],
  )
  const hub = createHubApi(origin, adminToken)
  say(`  ${origin}, ready after ${((performance.now() - began) / 1000).toFixed(1)} s`)

  step('Two identity providers push 20 people and 3 groups each, in their own dialects')
  const oktaSource = await hub.createSource('okta-demo', 'Okta', 'okta')
  const entraSource = await hub.createSource('entra-demo', 'Entra ID', 'entra')
  const oktaIds = await push(oktaProvider(oktaSource.scimBaseUrl, oktaSource.token), okta, [
    'Everyone',
    'Chat users',
    'Admins',
  ])
  const entraIds = await push(entraProvider(entraSource.scimBaseUrl, entraSource.token), entra, [
    'Everyone',
    'Legacy users',
    'Admins',
  ])
  await entraIds.setMembers('Legacy users', legacy)
  await oktaIds.setMembers('Chat users', okta)
  say(`  ${okta.length + entra.length} people, 6 groups`)

  step('The owners register their applications')
  const columns = [
    await hub.registerApp({
      name: 'Directory',
      connectorId: 'scim',
      config: { baseUrl: directory },
      secrets: { token: 'scim-doer', witnessToken: 'scim-witness' },
      scope: { kind: 'everyone' },
    }),
    await hub.registerApp({
      name: 'Chat',
      connectorId: 'webhook',
      config: { url: chat },
      secrets: {
        signingSecret: `whsec_${Buffer.from('the demo secret of the doer').toString('base64')}`,
        witnessSigningSecret: `whsec_${Buffer.from('the demo secret of the witness').toString('base64')}`,
      },
      scope: {
        kind: 'groups',
        groups: [{ sourceId: 'okta-demo', groupId: oktaIds.groupId('Chat users') }],
      },
    }),
    await hub.registerApp({
      name: 'Legacy',
      connectorId: 'scim',
      config: { baseUrl: liar },
      secrets: { token: 'liar-token' },
      scope: {
        kind: 'groups',
        groups: [{ sourceId: 'entra-demo', groupId: entraIds.groupId('Legacy users') }],
      },
    }),
  ]
  for (const { title, appId } of columns) {
    for (const check of await hub.testApp(appId))
      say(`  ${title.padEnd(10)} ${check.ok ? '✔' : '✘'} ${check.name} (${check.credential})`)
  }

  step('People leave')
  const departures: Departure[] = []
  for (const [side, who] of [
    [oktaIds, okta.slice(0, 4)],
    [entraIds, [...entra.slice(0, 4), ...legacy.slice(0, 2)]],
  ] as const) {
    const ways = Object.entries(side.provider.deactivate)
    for (const [i, person] of who.entries()) {
      const [said, tell] = ways[i % ways.length] ?? ways[0] ?? []
      if (said === undefined || tell === undefined) throw new Error('a provider without words')
      await tell(person, side.userId(person))
      departures.push({
        who: person.userName,
        said,
        sourceId: `${side.provider.name}-demo`,
        userId: side.userId(person),
      })
    }
  }
  const mover = okta[6]
  if (mover !== undefined) {
    await oktaIds.provider.removeMember(oktaIds.groupId('Chat users'), oktaIds.userId(mover))
    departures.push({
      who: mover.userName,
      said: 'removed from the group "Chat users"',
      sourceId: 'okta-demo',
      userId: oktaIds.userId(mover),
    })
  }

  const legacyAppId = columns[2]?.appId
  const units = await watch(hub, departures, columns, (all) =>
    all.every((unit) =>
      unit.appId === legacyAppId ? wordOf(unit) === 'contradicted' : unit.state === 'proven',
    ),
  )
  const honest = units.filter((unit) => unit.appId !== legacyAppId)
  const lies = units.filter((unit) => unit.appId === legacyAppId)
  const proven = honest.filter((unit) => unit.state === 'proven').length
  const caught = lies.filter((unit) => wordOf(unit) === 'contradicted').length
  say(
    `\n  ${proven} of the ${honest.length} honest ones proven, ${caught} of the liar's ${lies.length} contradicted`,
  )

  step('A certificate, verified offline by another process')
  const verified = await certificate(hub, departures[0])

  step('Where to look next')
  if (values.keep) {
    const curl = `curl -H 'Authorization: Bearer ${adminToken}' '${origin}/api/v1`
    say(`  ${curl}/revocations?state=human'`)
    say(`  ${curl}/users/okta-demo/${departures[0]?.userId}'`)
    say(`  ${origin}/api/v1/docs in a browser, curl ${origin}/readyz`)
    say('  The hub keeps running; Ctrl-C ends it.')
  } else {
    say('  npm run demo -- --keep leaves the hub running, to look around in it.')
  }
  say('  README.md tells how to connect a real provider.')
  return (
    proven === honest.length &&
    honest.length > 0 &&
    caught === lies.length &&
    lies.length > 0 &&
    verified
  )
}

async function application(name: string, accounts: readonly Person[]): Promise<string> {
  const file = join(dataDir, `${name}.json`)
  await writeFile(file, JSON.stringify(accounts.map(accountOf)))
  return await processes.start(`demo/apps/${name}.ts`, ['--accounts', file], {}, (line) =>
    line.startsWith('{') ? (JSON.parse(line) as { url: string }).url : undefined,
  )
}

async function push(provider: Provider, persons: readonly Person[], groups: readonly string[]) {
  const users = new Map<Person, string>()
  for (const person of persons) users.set(person, await provider.pushUser(person))
  const userId = (person: Person): string => users.get(person) ?? ''
  const ids = new Map<string, string>()
  for (const name of groups) {
    const members = name === 'Everyone' ? persons : []
    ids.set(name, await provider.pushGroup(name, members.map(userId)))
  }
  return {
    provider,
    userId,
    groupId: (name: string): string => ids.get(name) ?? '',
    setMembers: (name: string, members: readonly Person[]) =>
      provider.addMembers(ids.get(name) ?? '', members.map(userId)),
  }
}

async function watch(
  hub: HubApi,
  departures: readonly Departure[],
  columns: readonly { appId: string; title: string }[],
  isDone: (units: readonly Unit[]) => boolean,
): Promise<readonly Unit[]> {
  const table = createProgressTable(columns, departures)
  const began = performance.now()
  for (;;) {
    const units = (await hub.revocations()).filter((unit) => unit.state !== 'superseded')
    const ms = performance.now() - began
    const done = (units.length > 0 && isDone(units)) || ms > PATIENCE_MS
    table.draw(units, ms / 1000, done)
    if (done) return units
    stopped.signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

/** Waits until the case is closed, writes its certificate, and lets `quittance verify` judge it once that is sealed. */
async function certificate(hub: HubApi, departure: Departure | undefined): Promise<boolean> {
  if (departure === undefined) return false
  const offboarding = await hub.closedOffboarding(departure.sourceId, departure.userId, PATIENCE_MS)
  const file =
    values.certificate ?? join(values.keep ? process.cwd() : dataDir, 'demo.quittance.zip')
  const vkey = (await readFile(join(dataDir, 'keys', 'log.vkey'), 'utf8')).trim()
  const verify = async () => {
    await writeFile(file, await hub.certificate(offboarding))
    return await processes.run('src/cli/main.ts', ['verify', file, '--key', vkey])
  }
  const end = performance.now() + PATIENCE_MS
  let { code, output } = await verify()
  // 2: sound, and its last entry is not signed yet.
  while (code === 2 && performance.now() < end) ({ code, output } = await verify())
  say(output.trimEnd().replace(/^/gm, '  '))
  say(`  exit code ${code}`)
  return code === 0
}
