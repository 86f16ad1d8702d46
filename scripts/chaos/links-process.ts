import { type Cut, type Link, startLink } from './link.ts'

/** What the run tells this process: once where to listen, then what to cut. */
export type LinksOrder =
  | { kind: 'open'; links: readonly { from: number; to: number }[] }
  | { kind: 'cut'; index: number; way: Cut | null }

// The links have a process of their own: the run is busy, and would hold up the database.
const links: Link[] = []

process.on('message', (order: LinksOrder) => {
  if (order.kind === 'cut') {
    links[order.index]?.cut(order.way ?? undefined)
    return
  }
  Promise.all(order.links.map(({ from, to }) => startLink(from, to))).then(
    (opened) => {
      links.push(...opened)
      process.send?.('open')
    },
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.once('disconnect', () => process.exit(0))
