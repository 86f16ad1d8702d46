import { overallOutcome } from './closing.ts'
import {
  ENDINGS,
  type EndingType,
  type EntryBody,
  type ExpectedItem,
  type OutcomeItem,
} from './entries.ts'
import { commitToSet, expectedSet } from './expected-set.ts'

/** An entry that has been proved to be in the log, under a key that the log announced. */
export interface ProvedEntry {
  index: number
  /** Hex. */
  leafHash: string
  body: EntryBody
}

type Opened = Extract<EntryBody, { type: 'offboarding.opened' }>
type Amended = Extract<EntryBody, { type: 'offboarding.amended' }>
type Closed = Extract<EntryBody, { type: 'offboarding.closed' }>
export type Ending = Extract<EntryBody, { type: EndingType }>

/** What is said of a revocation without ending it. */
export type Remark = Extract<EntryBody, { type: 'revocation.unverifiable' | 'drift.detected' }>

/** One item of the expected set, and the entry that ended it, if any. */
export interface ItemStatus {
  item: ExpectedItem
  ending: { index: number; body: Ending } | undefined
  /** In log order. */
  remarks: readonly { index: number; body: Remark }[]
}

interface Judged {
  items: readonly ItemStatus[]
  /** How the set grew, in order. */
  amendments: readonly Amended[]
}

export type Completeness =
  /** Closed, and nothing was left out. `superseded` and `mixed`: the person came back, or a newer case took over. */
  | ({ kind: 'closed'; outcome: Closed['outcome'] } & Judged)
  /** Not closed: some of it is proved, the rest is owed. An amendment may have been left out, with all that it added. */
  | ({ kind: 'open' } & Judged)
  /** The statements contradict each other. */
  | { kind: 'refused'; reason: string }

/**
 * Is everything here that the case committed to when it was opened, or last amended? Presence in a log never shows
 * absence; the commitment to the whole set does.
 *
 * @param entries all of one case
 * @param expected the list behind the commitment of the last amendment, or of the opening entry
 */
export function judgeCompleteness(
  offboarding: string,
  entries: readonly ProvedEntry[],
  expected: readonly ExpectedItem[],
): Completeness {
  const refused = (reason: string): Completeness => ({ kind: 'refused', reason })
  const foreign = entries.find((e) => 'offboarding' in e.body && e.body.offboarding !== offboarding)
  if (foreign !== undefined) return refused(`entry ${foreign.index} is of another case`)

  const openings = entries.flatMap((e) => (e.body.type === 'offboarding.opened' ? [e.body] : []))
  const [opened] = openings
  if (opened === undefined || openings.length > 1) return refused('not exactly one opening entry')
  const amendments = entries
    .flatMap(({ body }) => (body.type === 'offboarding.amended' ? [body] : []))
    .sort((a, b) => a.expected.count - b.expected.count)
  const wrongSet = setFault(opened, amendments, expected)
  if (wrongSet !== undefined) return refused(wrongSet)

  const endings = new Map<string, ProvedEntry & { body: Ending }>()
  for (const entry of entries) {
    const { body } = entry
    if (!isEnding(body)) continue
    if (endings.has(body.revocation)) return refused(`${body.revocation} ended twice`)
    const fault = endingFault(body, opened, expected)
    if (fault !== undefined) return refused(`entry ${entry.index} ${fault}`)
    endings.set(body.revocation, { ...entry, body })
  }
  const remarks = entries.flatMap(({ index, body }) => (isRemark(body) ? [{ index, body }] : []))
  for (const remark of remarks) {
    const ending = endings.get(remark.body.revocation)
    const fault = itemFault(remark.body, opened, expected) ?? remarkFault(remark, ending)
    if (fault !== undefined) return refused(`entry ${remark.index} ${fault}`)
  }
  const items = expected.map(
    (item): ItemStatus => ({
      item,
      ending: endings.get(item.revocation),
      remarks: remarks.filter(({ body }) => body.revocation === item.revocation),
    }),
  )

  const closings = entries.filter((e) => e.body.type === 'offboarding.closed')
  const [closing] = closings
  if (closing === undefined) return { kind: 'open', items, amendments }
  const closed = closing.body as Closed
  if (closings.length > 1) return refused('the case was closed twice')
  const fault = closedFault(closed, closing.index, [...endings.values()], expected.length)
  if (fault !== undefined) return refused(fault)
  return { kind: 'closed', outcome: closed.outcome, items, amendments }
}

export function isEnding(body: EntryBody): body is Ending {
  return ENDINGS.some((type) => type === body.type)
}

export function isRemark(body: EntryBody): body is Remark {
  return body.type === 'revocation.unverifiable' || body.type === 'drift.detected'
}

/** Was what came back alive ever proven gone? */
function remarkFault(
  { index, body }: { index: number; body: Remark },
  ending: (ProvedEntry & { body: Ending }) | undefined,
): string | undefined {
  if (body.type !== 'drift.detected') return undefined
  const wasProven = ending?.body.type === 'revocation.verified' && ending.index < index
  return wasProven ? undefined : 'says that what was not proven gone came back'
}

/**
 * What is wrong with the list beside the commitments. Amendments are taken back from the last to the first: each must
 * commit to what is there, and the opening entry to what is left. So none can be left out, and none takes an item away.
 */
function setFault(
  opened: Opened,
  amendments: readonly Amended[],
  expected: readonly ExpectedItem[],
): string | undefined {
  let rest = expected
  for (const [i, { app, added, expected: set, previous }] of [...amendments.entries()].reverse()) {
    if (!sameSet(set, rest)) {
      return 'the list of expected revocations is not the one the case was amended to'
    }
    if (previous !== (amendments[i - 1] ?? opened).expected.root) {
      return 'an amendment does not follow the entry before it'
    }
    const before = rest.filter((item) => item.app !== app)
    if (rest.length - before.length !== added) {
      return 'an amendment added another number of revocations than it says'
    }
    rest = before
  }
  return sameSet(opened.expected, rest)
    ? undefined
    : 'the list of expected revocations is not the one the case was opened with'
}

function sameSet(commitment: Opened['expected'], expected: readonly ExpectedItem[]): boolean {
  try {
    const { count, root } = expectedSet(expected)
    return count === commitment.count && root === commitment.root
  } catch (error) {
    // A doubled item: such a list was never committed to.
    if (error instanceof RangeError) return false
    throw error
  }
}

/** What is wrong with an ending, in itself or beside the case that it belongs to. */
function endingFault(
  body: Ending,
  opened: Opened,
  expected: readonly ExpectedItem[],
): string | undefined {
  const fault = itemFault(body, opened, expected)
  if (fault !== undefined) return fault
  if (body.type !== 'revocation.verified') return undefined
  // The words of the verdict must be borne out by what was seen.
  if (body.after.state !== body.kind) return `says ${body.kind}, but saw ${body.after.state}`
  return undefined
}

function itemFault(
  body: Ending | Remark,
  opened: Opened,
  expected: readonly ExpectedItem[],
): string | undefined {
  const item = expected.find((e) => e.revocation === body.revocation)
  if (item === undefined) return 'is about a revocation that was not expected'
  if (item.app !== body.app || item.facet !== body.facet) return 'is about another app or facet'
  return body.generation === opened.generation ? undefined : 'is of another generation'
}

function closedFault(
  closed: Closed,
  index: number,
  endings: readonly (ProvedEntry & { body: Ending })[],
  expectedCount: number,
): string | undefined {
  if (endings.length !== expectedCount) {
    return 'the case is closed, but entries of it are not in this certificate'
  }
  if (endings.some((ending) => ending.index > index)) return 'an ending follows the closing entry'
  const outcomes = endings.map(
    ({ body, leafHash }): OutcomeItem => ({
      app: body.app,
      entry: leafHash,
      facet: body.facet,
      outcome: OUTCOMES[body.type],
      revocation: body.revocation,
    }),
  )
  const found = commitToSet(outcomes)
  const stated = closed.outcomes ?? commitToSet(closed.items ?? [])
  if (found.count !== stated.count || found.root !== stated.root) {
    return 'the closing entry names other outcomes than the entries show'
  }
  return overallOutcome(outcomes) === closed.outcome ? undefined : 'the closing outcome is wrong'
}

const OUTCOMES = {
  'revocation.verified': 'proven',
  'revocation.waived': 'waived',
  'revocation.superseded': 'superseded',
} as const satisfies Record<Ending['type'], OutcomeItem['outcome']>
