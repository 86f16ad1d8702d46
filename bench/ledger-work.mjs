// What the bench of the ledger is made of: entries like those of the hub, and the meters.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { commit } from '../src/ledger/commitment.ts'
import { entryId } from '../src/ledger/entry-id.ts'

export const origin = 'bench.example.com/ledger'
export const caseKey = randomBytes(32)
export const at = '2026-11-22T02:00:00.000Z'
const envelope = { v: 1, log: origin, at }

/** One revocation, seen dead; five apps to a case. */
export function verified(i, more = {}) {
  const revocation = `r${i}`
  const eid = entryId('revocation.verified', revocation)
  const c = (path) => commit(caseKey, eid, path, Buffer.from(`{"id":${i}}`))
  const seen = { at, method: 'GET', status: 200, witness: true }
  return {
    ...envelope,
    type: 'revocation.verified',
    account: c('account'),
    after: { ...seen, c: c('after.c'), state: 'dead' },
    before: { ...seen, c: c('before.c'), state: 'live' },
    app: `app-${i % 5}`,
    attempts: { count: 1, first: at, last: at },
    connector: 'scim2@1.0.0',
    facet: 'account',
    generation: 1,
    grade: 'B',
    kind: 'dead',
    offboarding: `o${Math.floor(i / 5)}`,
    revocation,
    ...more,
  }
}

export function opened(offboarding, expected) {
  return {
    ...envelope,
    type: 'offboarding.opened',
    cause: { kind: 'scim.patch', received: at, request_id: 'q1' },
    expected,
    for_cause: false,
    generation: 1,
    kind: 'leaver',
    offboarding,
    source: 'okta',
    subject: commit(
      caseKey,
      entryId('offboarding.opened', offboarding),
      'subject',
      Buffer.from('{}'),
    ),
  }
}

/** A revocation as the worker leaves it to the ledger: verified, not sealed. */
export function verifiedRow(i) {
  const now = Date.now()
  return {
    _id: `r${i}`,
    offboardingId: `o${Math.floor(i / 5)}`,
    sourceId: 'okta',
    userId: `u${Math.floor(i / 5)}`,
    appId: `app-${i % 5}`,
    facet: 'account',
    generation: 1,
    class: 2,
    owners: ['owner@example.com'],
    state: 'verified',
    verdict: { grade: 'B', kind: 'dead', at: now },
    attempts: 1,
    openedAt: now,
    deadlineAt: now + 3_600_000,
    updatedAt: now,
    open: true,
    escalated: 0,
    escalateAt: now + 1_800_000,
  }
}

function line(name, rate, unit, rest = '') {
  const rounded = Math.round(rate).toLocaleString('en').padStart(10)
  console.log(`${name.padEnd(52)}${rounded} ${unit}${rest}`)
}

/** Per CPU-second of this process. */
export async function cpu(name, n, work) {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  line(name, n / ((user + system) / 1e6), 'per CPU-second')
}

/** Per second of wall clock; and what a thousand of them cost this process and mongod. */
export async function wall(name, n, mongodPid, work) {
  const mongodBefore = await cpuMs(mongodPid)
  const before = process.cpuUsage()
  const start = performance.now()
  await work()
  const rate = (n / (performance.now() - start)) * 1_000
  const { user, system } = process.cpuUsage(before)
  const thousand = (ms) => `${((ms / n) * 1_000).toFixed(0)} ms`
  const mongod = thousand((await cpuMs(mongodPid)) - mongodBefore)
  const rest = `   CPU per 1,000: node ${thousand((user + system) / 1_000)}, mongod ${mongod}`
  line(name, rate, 'per second', rest)
}

/** User and system time; Linux counts in hundredths of a second. */
async function cpuMs(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export async function percentiles(name, times, work) {
  const all = []
  for (let i = 0; i < times; i += 1) {
    const before = performance.now()
    await work(i)
    all.push(performance.now() - before)
  }
  all.sort((a, b) => a - b)
  const at = (p) => all[Math.floor((all.length - 1) * p)].toFixed(2)
  console.log(`${name.padEnd(52)} p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`)
}
