import fc from 'fast-check'
import { resourceOf } from '../../src/scim/body.ts'
import { DIALECTS } from '../../src/scim/dialect.ts'
import { parseFilter } from '../../src/scim/filter-parser.ts'
import { listQueryOf, listRequestOfQuery } from '../../src/scim/list-request.ts'
import { matches } from '../../src/scim/match.ts'
import { patched } from '../../src/scim/patch.ts'
import { parsePatchPath } from '../../src/scim/patch-path.ts'
import { assignmentsOf } from '../../src/scim/patch-request.ts'
import { project, projectionOf } from '../../src/scim/projection.ts'
import { GROUP, USER } from '../../src/scim/schema.ts'
import { HubError } from '../../src/shared/errors.ts'
import type { Json, JsonObject } from '../../src/shared/json.ts'
import { compileFilter } from '../../src/storage/directory-query.ts'
import { searchForm } from '../../src/storage/search-form.ts'
import * as input from './fuzz-input.ts'

export interface FuzzCount {
  runs: number
  accepted: number
  refused: number
  slowestMs: number
}

const BEFORE: JsonObject = {
  userName: 'ann',
  displayName: 'Ann',
  emails: [
    { value: 'a@x', type: 'work', primary: true },
    { value: 'b@x', type: 'home' },
  ],
  name: { givenName: 'Ann' },
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { value: 'm' } },
}
const FROZEN = JSON.stringify(BEFORE)
const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype, Map.prototype]
const prototypes = (): string =>
  JSON.stringify(PROTOTYPES.map((one) => Reflect.ownKeys(one).length))

/**
 * Puts random input to every pure part of the SCIM room.
 *
 * @param slowMs what a single call may take. A slow one is repeated: only one that is slow each time is at fault
 * @returns counts by kind of input
 * @throws Error with the seed and the smallest input for anything but a HubError, a changed prototype, a
 *   changed argument, or a slow call
 */
export function fuzzCore(options: {
  runs: number
  seed: number
  slowMs: number
}): Record<string, FuzzCount> {
  const counts: Record<string, FuzzCount> = {}
  const before = prototypes()
  const each = <T>(
    kind: string,
    share: number,
    arbitrary: fc.Arbitrary<T>,
    work: (value: T) => void,
  ): void => {
    const count: FuzzCount = { runs: 0, accepted: 0, refused: 0, slowestMs: 0 }
    counts[kind] = count
    const once = (value: T): number => {
      const from = performance.now()
      try {
        work(value)
        count.accepted++
      } catch (error) {
        if (!(error instanceof HubError)) throw error
        count.refused++
      }
      return performance.now() - from
    }
    fc.assert(
      fc.property(arbitrary, (value) => {
        count.runs++
        let ms = once(value)
        for (let again = 0; ms > options.slowMs && again < 3; again++)
          ms = Math.min(ms, once(value))
        count.slowestMs = Math.max(count.slowestMs, Math.round(ms * 10) / 10)
        if (ms > options.slowMs) throw new Error(`${kind} took ${ms} ms`)
        if (prototypes() !== before) throw new Error(`${kind} changed a prototype`)
        if (JSON.stringify(BEFORE) !== FROZEN) throw new Error(`${kind} changed its argument`)
      }),
      { numRuns: Math.ceil(options.runs * share), seed: options.seed },
    )
  }

  const dialect = fc.constantFrom(DIALECTS.generic, DIALECTS['generic-strict'])
  const schema = fc.constantFrom(USER, GROUP)
  each('filter', 0.25, fc.tuple(input.filter, schema, dialect), ([text, type, d]) => {
    const filter = parseFilter(text, type, { dialect: d, unknown: 'refuse' })
    const target = { resourceType: type.type, key: (id: string) => `s/${id}`, joined: new Map() }
    JSON.stringify(compileFilter(filter, target))
  })
  each('path', 0.2, fc.tuple(input.path, schema, dialect), ([text, type, d]) => {
    const target = parsePatchPath(text, type, d)
    if (target.kind === 'attribute' && target.filter !== undefined) {
      for (const element of (BEFORE['emails'] ?? []) as Json[]) matches(target.filter, element)
    }
  })
  each('patch', 0.25, fc.tuple(input.patch, schema, dialect), ([body, type, d]) => {
    searchForm(patched(type, BEFORE, assignmentsOf(body, type, 'id', d), d))
  })
  each('resource', 0.2, fc.tuple(input.resource, schema, dialect), ([body, type, d]) => {
    searchForm(resourceOf(type, body, d))
  })
  each('query', 0.1, fc.tuple(input.query, schema, dialect), ([text, type, d]) => {
    const request = listRequestOfQuery(new URLSearchParams(text))
    listQueryOf(request, type, d)
    project(type, BEFORE, projectionOf(type, request.attributes, request.excludedAttributes, d))
  })
  return counts
}
