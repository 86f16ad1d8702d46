import {
  type Facet,
  type Handle,
  isConnectorError,
  type Match,
  type Observation,
  type Subject,
} from '../connector-sdk/contract.ts'
import {
  type Correlation,
  decideAgain,
  decideMatch,
  type Enumeration,
  type KnownAccount,
  searchListing,
} from './correlate.ts'
import { type LaneRun, specOf } from './lane-run.ts'
import { hasOtherOwner } from './namesake.ts'
import { observe } from './observe.ts'

/** A listing longer than this is not finished within a lease; nothing follows from it then. */
const MAX_PAGES = 2_000

/** Which account the person of the present case has. */
export async function findAccount(run: LaneRun): Promise<Correlation> {
  return decideMatch(await candidates(run))
}

/**
 * The same where an account is known from before: that one, unless the app names another. The other one is theirs only
 * when the known one lets nobody in any more: what lives on beside it would be proven by nobody.
 */
export async function findAgain(
  run: LaneRun,
  facet: Facet,
  known: KnownAccount,
): Promise<Correlation> {
  const found = decideAgain(await candidates(run).catch(unlessUnasked), known)
  if (!('handleId' in found) || found.handleId === known.handleId) return found
  const readable = (['account', facet] as const).find((one) => isReadable(run, one))
  if (readable === undefined) return found
  const { state } = await observe(run, { facet: readable, id: known.handleId })
  return state === 'dead' || state === 'absent' ? found : { kind: 'ambiguous' }
}

/** Does the app show that an account which a person named is this person's, or has the hub seen it live? */
export async function isBorneOut(run: LaneRun, { facet, id }: Handle): Promise<boolean> {
  const { work, links } = run.hold.lane()
  if ([...work, ...links].some(({ handleId, seenLive }) => handleId === id && seenLive)) return true
  const matches = await candidates(run).catch(unlessUnasked)
  if (matches.some(({ handle }) => handle.id === id)) return true
  // Somebody without a session has an account all the same.
  if (facet === 'account' || !isReadable(run, 'account')) return false
  return (await observe(run, { facet: 'account', id })).state === 'live'
}

/** Does an account with these keys belong to somebody else of the person's source? */
export async function isAnothers(run: LaneRun, keys: Observation['keys']): Promise<boolean> {
  return keys !== undefined && (await hasOtherOwner(run.directory, await subjectOf(run), keys))
}

const isReadable = (run: LaneRun, facet: Facet): boolean =>
  (specOf(run, facet)?.observe ?? 'none') !== 'none'

/** Who the app cannot look for, for want of keys or of a search, may have a known account all the same. */
function unlessUnasked(error: unknown): readonly Match[] {
  const isUnasked =
    isConnectorError(error) && (error.fault === 'invalid' || error.fault === 'unsupported')
  if (isUnasked) return []
  throw error
}

/** Asks the app once per run. */
function candidates(run: LaneRun): Promise<readonly Match[]> {
  run.matches ??= subjectOf(run).then((subject) =>
    run.calls.read('account', (call) => run.open.connector.correlate(subject, call)),
  )
  return run.matches
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
