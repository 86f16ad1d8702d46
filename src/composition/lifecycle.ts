/** Something that runs from `start` to `stop`. */
export interface Service {
  start(): void
  /** Ends what is under way; nothing of it runs after it has resolved. */
  stop(): Promise<void>
}

/**
 * Several services as one: started in the order of the list, stopped in the opposite one, one after the other. What
 * others rely on comes first. One that fails to stop keeps no other from being stopped.
 *
 * @param services undefined: not in this process
 * @throws (from `stop`) the failure, or an AggregateError of several, when all have been asked to stop
 */
export function inOrder(services: readonly (Service | undefined)[]): Service {
  const present = services.filter((service) => service !== undefined)
  return {
    start: () => {
      for (const service of present) service.start()
    },
    stop: async () => {
      const failures: unknown[] = []
      for (const service of present.toReversed()) {
        await service.stop().catch((error: unknown) => failures.push(error))
      }
      failAs(failures)
    },
  }
}

/**
 * Services that need nothing of each other: they stop at the same time, and once, however often that is asked.
 *
 * @throws (from `stop`) as `inOrder`
 */
export function sideBySide(services: readonly (Service | undefined)[]): Service {
  const present = services.filter((service) => service !== undefined)
  let stopping: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    const ends = await Promise.allSettled(present.map((service) => service.stop()))
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    failAs(failures)
  }
  return {
    start: () => {
      for (const service of present) service.start()
    },
    stop: () => {
      stopping ??= stopAll()
      return stopping
    },
  }
}

function failAs(failures: readonly unknown[]): void {
  if (failures.length > 1) throw new AggregateError(failures, 'several services did not stop')
  if (failures.length === 1) throw failures[0]
}
