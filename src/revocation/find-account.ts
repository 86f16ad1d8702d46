import type { Observation, Subject } from '../connector-sdk/contract.ts'
import { type Correlation, decideMatch, type Enumeration, searchListing } from './correlate.ts'
import type { LaneRun } from './lane-run.ts'

/** A listing longer than this is not finished within a lease; nothing follows from it then. */
const MAX_PAGES = 2_000

/** Which account the person of the present case has. Asks the app once per run. */
export function findAccount(run: LaneRun): Promise<Correlation> {
  run.correlation ??= subjectOf(run).then(async (subject) =>
    decideMatch(
      await run.calls.read('account', (call) => run.open.connector.correlate(subject, call)),
    ),
  )
  return run.correlation
}

/** Is the person among all accounts of the app? Only where the app can list them completely. */
export function searchEverybody(run: LaneRun): Promise<Enumeration> {
  run.enumeration ??= listAll(run)
  return run.enumeration
}

async function listAll(run: LaneRun): Promise<Enumeration> {
  const spec =
    run.open.facets.find(({ facet }) => facet === 'account') ??
    run.open.facets.find(({ enumerate }) => enumerate === 'complete')
  if (spec?.enumerate !== 'complete') return { kind: 'inconclusive' }
  const subject = await subjectOf(run)
  const rows: Observation[] = []
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    if (run.hold.leftMs() <= 0) return { kind: 'inconclusive' }
    const from = cursor
    const page = await run.calls.read(spec.facet, (call) =>
      run.open.connector.list(spec.facet, 'everyone', from, call),
    )
    rows.push(...page.items)
    if (!page.complete) return searchListing(subject, rows, false)
    if (page.next === undefined) return searchListing(subject, rows, true)
    if (seen.has(page.next)) return { kind: 'inconclusive' }
    seen.add(page.next)
    cursor = page.next
  }
  return searchListing(subject, rows, false)
}

async function subjectOf(run: LaneRun): Promise<Subject> {
  const { current, id } = run.hold.lane()
  const subject = await run.cases.subject(current?.offboardingId ?? '')
  if (subject === null) throw new Error(`lane ${id} belongs to no case`)
  return subject
}
