import type { Facet } from '../src/connector-sdk/contract.ts'
import { type Intent, type Lane, laneId, NEVER, type Work } from '../src/revocation/lane.ts'
import type { Judgement, LaneEvent } from '../src/revocation/lane-event.ts'
import { transition } from '../src/revocation/transition.ts'
import { choiceOf } from '../src/revocation/work.ts'

/** One way from a state to another one, and the events that take it. */
export interface Edge {
  from: string
  to: string
  events: ReadonlySet<string>
}

/** How a lane and its units move: found by trying every event on every state that can be reached. */
export interface LaneStates {
  lane: readonly Edge[]
  unit: readonly Edge[]
  /** How many different states of a lane were reached. */
  reached: number
}

const KEY = { sourceId: 's', userId: 'u', appId: 'a' }
const FACET: Facet = 'account'
const HANDLE = 'h'
const FACTS = { sealed: Buffer.from('s'), wrapped: Buffer.from('w') }
/** A revoke, a return, a second revoke: what follows is the same again. */
const GENERATIONS = 3
/** More of anything in a row change only the length of a wait. */
const COUNTED = 3
const LEASE_MS = 20_000

/**
 * Every state of a lane with one unit that can be reached through `transition`, and every way between them. Each event
 * comes when all waits are over: time alone moves nothing.
 */
export function laneStates(): LaneStates {
  const lane = new Map<string, Set<string>>()
  const unit = new Map<string, Set<string>>()
  const seen = new Set<string>()
  const open: (Lane | undefined)[] = [undefined]
  while (open.length > 0) {
    const before = open.pop()
    for (const { event, now } of momentsOf(before)) {
      const after = transition(before, event, now)
      if (after === before) continue
      note(lane, before?.state ?? '[*]', after.state, event.kind)
      noteUnit(unit, before, after, event.kind)
      const known = JSON.stringify(abstract(after))
      if (seen.has(known)) continue
      seen.add(known)
      open.push(after)
    }
  }
  return { lane: edges(lane), unit: edges(unit), reached: seen.size }
}

/** Lanes that are alike in this behave alike once all waits are over. Numbers that only grow are cut off. */
function abstract(lane: Lane): unknown {
  const most = (count: number | undefined): number => Math.min(count ?? 0, COUNTED)
  return [
    [lane.state, lane.lease !== undefined, lane.dueAt === NEVER],
    [lane.want?.generation, lane.want?.op, lane.current?.generation, lane.current?.op],
    lane.work.map((w) => [w.state, most(w.contradictions), w.handleId, w.hint, w.heldBy]),
    lane.inflight?.op,
    lane.quarantine?.op,
    lane.undo.map((u) => [u.told, u.stuck !== undefined]),
    lane.heldUntil !== undefined,
  ]
}

/** Everything that may happen to a lane, and when: what its holder says comes within the lease. */
function momentsOf(lane: Lane | undefined): { event: LaneEvent; now: number }[] {
  const now = afterAllWaits(lane)
  const generation = (lane?.want?.generation ?? 0) + 1
  const outside = [...wishes(generation), ...(lane === undefined ? [] : cares(lane, now))]
  const { lease, fence = 0 } = lane ?? {}
  const words =
    lane === undefined || lease === undefined ? [] : said(lane, { lease: lease.id, fence })
  return [
    ...outside.map((event) => ({ event, now })),
    ...words.map((event) => ({ event, now: (lease?.until ?? now) - 1 })),
  ]
}

function afterAllWaits(lane: Lane | undefined): number {
  const { dueAt, quarantine, lease, heldUntil, work = [], undo = [] } = lane ?? {}
  const waits = [...work, ...undo].map(({ notBefore }) => notBefore)
  const times = [dueAt, quarantine?.until, lease?.until, heldUntil, ...waits, 0]
  return Math.max(...times.filter((time) => time !== undefined).filter((time) => time < NEVER)) + 1
}

function wishes(generation: number): LaneEvent[] {
  if (generation > GENERATIONS) return []
  const wanted = (op: Intent['op'], heldBy?: string): LaneEvent => ({
    kind: 'wanted',
    key: { id: laneId(KEY), ...KEY },
    intent: intent(generation, op, heldBy),
    priority: 1,
  })
  return generation % 2 === 1
    ? [wanted('revoke'), wanted('revoke', 'storm')]
    : [wanted('restore'), wanted('revoke')]
}

function intent(generation: number, op: Intent['op'], heldBy: string | undefined): Intent {
  const unit = {
    revocationId: `${generation}`,
    facet: FACET,
    deadlineAt: 0,
    ...(heldBy === undefined ? {} : { heldBy }),
  }
  const units = op === 'revoke' ? [unit] : []
  return { generation, op, offboardingId: `o${generation}`, units, class: 2, wantedAt: 0 }
}

/** What happens to a lane without its holder. */
function cares(lane: Lane, now: number): LaneEvent[] {
  const [unit] = lane.work
  return [
    { kind: 'claimed', lease: { id: `l${lane.fence}`, holder: 'w', until: now + LEASE_MS } },
    { kind: 'reaped' },
    { kind: 'projected' },
    { kind: 'nudged' },
    { kind: 'assigned', handleId: HANDLE },
    { kind: 'bound', handleId: HANDLE, facets: [FACET] },
    { kind: 'unbound' },
    { kind: 'unheld', storm: 'storm' },
    ...(unit === undefined ? [] : [{ kind: 'dropped', revocationId: unit.revocationId } as const]),
  ]
}

/** What a holder says that keeps to the order of its calls: look, announce, answer, look again. */
function said(lane: Lane, holding: { lease: string; fence: number }): LaneEvent[] {
  const released = (['done', 'shutdown'] as const).map(
    (reason): LaneEvent => ({ kind: 'released', reason, ...holding }),
  )
  const { inflight } = lane
  if (inflight !== undefined) {
    const write = inflight.op === 'revoke' ? lane.work[0]?.revocationId : undefined
    return [
      ...(['done', 'already', 'accepted'] as const).map(
        (ack): LaneEvent => ({
          kind: 'acked',
          ack,
          evidence: 'request',
          settleMs: 0,
          undo: FACTS,
          ...holding,
        }),
      ),
      ...faults(write, holding, choiceOf(lane.work[0] ?? {})),
      ...released,
    ]
  }
  const [unit] = lane.work
  return [
    ...(unit === undefined
      ? []
      : [...ofUnit(unit, holding), ...faults(unit.revocationId, holding, choiceOf(unit))]),
    ...(lane.undo.length === 0 ? [] : [...ofUndo(holding), ...faults(undefined, holding)]),
    ...released,
  ]
}

type Holding = { lease: string; fence: number }

function ofUnit(unit: Work, holding: Holding): LaneEvent[] {
  const { revocationId, handleId, state } = unit
  const choice = choiceOf(unit)
  if (state === 'verified') return []
  const looked = (['live', 'dead', 'absent', 'unknown'] as const).map(
    (seen): LaneEvent => ({
      kind: 'looked',
      revocationId,
      ...choice,
      handleId: HANDLE,
      state: seen,
      evidence: 'before',
      ...holding,
    }),
  )
  const sent: LaneEvent[] =
    handleId === undefined
      ? []
      : [
          {
            kind: 'sent',
            what: { op: 'revoke', revocationId, ...choice },
            handleId,
            quarantineMs: 5_000,
            reversible: true,
            ...holding,
          },
        ]
  const judged = judgements().map(
    (judgement): LaneEvent => ({
      kind: 'judged',
      revocationId,
      ...choice,
      judgement,
      evidence: 'after',
      jitter: 0,
      ...holding,
    }),
  )
  return [...looked, ...sent, ...judged]
}

function ofUndo(holding: Holding): LaneEvent[] {
  return [
    {
      kind: 'sent',
      what: { op: 'restore', facet: FACET },
      handleId: HANDLE,
      quarantineMs: 5_000,
      reversible: true,
      ...holding,
    },
    ...(['live', 'dead', 'unknown', 'unobservable'] as const).map(
      (state): LaneEvent => ({
        kind: 'looked-back',
        facet: FACET,
        handleId: HANDLE,
        state,
        jitter: 0,
        ...holding,
      }),
    ),
  ]
}

function judgements(): Judgement[] {
  return [
    { kind: 'verified', verdict: { grade: 'B', kind: 'dead', at: 0 } },
    { kind: 'contradicted', verdict: { grade: 'F', kind: 'contradicted', at: 0 } },
    { kind: 'wait' },
    { kind: 'human', reason: 'unobservable' },
  ]
}

/** One of each way in which the engine treats them. */
function faults(
  revocationId: string | undefined,
  holding: Holding,
  choice: Pick<Work, 'choice'> = {},
): LaneEvent[] {
  const kinds = ['transient', 'credential', 'forbidden', 'ambiguous', 'bug'] as const
  return kinds.flatMap((fault) =>
    (['none', 'unknown'] as const).map(
      (effect): LaneEvent => ({
        kind: 'faulted',
        ...(revocationId === undefined ? {} : { revocationId, ...choice }),
        facet: FACET,
        fault,
        effect,
        jitter: 0,
        ...holding,
      }),
    ),
  )
}

function note(into: Map<string, Set<string>>, from: string, to: string, event: string): void {
  if (from === to) return
  const key = `${from} --> ${to}`
  into.set(key, (into.get(key) ?? new Set()).add(event))
}

/** A unit begins when its intent takes over, and ends in `superseded` or by a waiver, or stays verified. */
function noteUnit(
  into: Map<string, Set<string>>,
  before: Lane | undefined,
  after: Lane,
  event: string,
): void {
  const was = new Map((before?.work ?? []).map((unit) => [unit.revocationId, unit]))
  const is = new Map(after.work.map((unit) => [unit.revocationId, unit]))
  for (const { revocationId, state } of is.values()) {
    note(into, was.get(revocationId)?.state ?? '[*]', state, event)
  }
  const told = new Set(before?.outbox)
  const fresh = after.outbox.filter((record) => !told.has(record))
  for (const { revocationId, state } of was.values()) {
    if (is.has(revocationId) || state === 'verified') continue
    const isSuperseded = fresh.some(
      (record) => record.kind === 'superseded' && record.revocationId === revocationId,
    )
    note(into, state, isSuperseded ? 'superseded' : '[*]', event)
  }
}

function edges(found: ReadonlyMap<string, ReadonlySet<string>>): Edge[] {
  return [...found]
    .map(([key, events]) => {
      const [from = '', to = ''] = key.split(' --> ')
      return { from, to, events }
    })
    .sort((a, b) => `${a.from} ${a.to}`.localeCompare(`${b.from} ${b.to}`, 'en'))
}

const MARKS = { lane: 'lane states', unit: 'unit states' } as const

/** The page with its diagrams drawn anew, each between two marks. @throws RangeError when a mark is missing */
export function withDiagrams(page: string, states: LaneStates): string {
  return (['lane', 'unit'] as const).reduce((text, which) => {
    const [begin, end] = [`<!-- ${MARKS[which]} -->`, `<!-- /${MARKS[which]} -->`]
    const from = text.indexOf(begin)
    const to = text.indexOf(end)
    if (from < 0 || to < from) throw new RangeError(`no ${begin} … ${end}`)
    const drawn = `\n\n\`\`\`mermaid\n${stateDiagram(states[which])}\n\`\`\`\n\n`
    return `${text.slice(0, from + begin.length)}${drawn}${text.slice(to)}`
  }, page)
}

function stateDiagram(ways: readonly Edge[]): string {
  const lines = ways.map(
    ({ from, to, events }) => `  ${from} --> ${to} : ${[...events].sort().join(', ')}`,
  )
  return ['stateDiagram-v2', ...lines].join('\n')
}
