import { beforeAll, test } from 'vitest'
import { connectorKit } from '../../src/connector-sdk/kit/kit.ts'
import { inFreshWorld } from '../../src/connector-sdk/kit/session.ts'
import type { KitHarness } from '../../src/connector-sdk/kit/world.ts'

/** What came of one case of the kit, for the table in docs/connectors.md. */
export interface KitResult {
  connector: string
  case: string
  /** What stood on the other side, e.g. `PostgreSQL`. */
  system: string
  /** Why the case does not apply; absent when it was tried. */
  notApplicable?: string
}

declare module 'vitest' {
  interface TaskMeta {
    kit?: KitResult
  }
}

/**
 * Tries the kit on a connector.
 *
 * @param system what stands on the other side: the name of the real program, or what a fake is held to
 * @param only cases to try; default: all
 */
export function testKit(harness: KitHarness, system: string, only = /^/): void {
  const connector = harness.connector.manifest.id
  const cases = connectorKit(harness).filter(({ name }) => only.test(name))
  // The first exchange of a process loads and compiles much on both sides: that is of no case's time.
  if (harness.timeoutMs === undefined) {
    beforeAll(() =>
      inFreshWorld({ ...harness, timeoutMs: 10_000 }, ({ connector: one, world, witness }) =>
        one.correlate(world.subject, witness),
      ),
    )
  }
  test.for(cases.map((one) => [one.name, one] as const))(
    '%s',
    async ([name, { run }], { task }) => {
      const result: KitResult = { connector, case: name, system }
      task.meta.kit = result
      await run((why) => {
        result.notApplicable = why
      })
    },
  )
}
