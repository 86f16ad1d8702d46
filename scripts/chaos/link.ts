import { createServer, type Server, Socket } from 'node:net'

/** Which way of a link is cut: what is said `to` the server, what comes `from` it, or both. */
export type Cut = 'to' | 'from' | 'both'

/** A TCP forwarder whose bytes can be made to vanish, as behind a broken router: nobody gets an error. */
export interface Link {
  port: number
  cut(way: Cut | undefined): void
  close(): void
}

/** @param from port to listen on @param to port of the real server */
export async function startLink(from: number, to: number): Promise<Link> {
  let way: Cut | undefined
  const pairs = new Set<{ near: Socket; far: Socket; robbed: boolean }>()

  const server: Server = createServer((near) => {
    const far = new Socket()
    const pair = { near, far, robbed: false }
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    const carry = (source: Socket, sink: Socket, direction: 'to' | 'from'): void => {
      source.setNoDelay(true)
      source.on('data', (bytes) => {
        if (way === 'both' || way === direction) {
          pair.robbed = true
          return
        }
        if (!sink.write(bytes)) {
          source.pause()
          sink.once('drain', () => source.resume())
        }
      })
      source.once('error', end)
      source.once('close', end)
    }
    carry(near, far, 'to')
    carry(far, near, 'from')
    far.connect(to, '127.0.0.1')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(from, '127.0.0.1', resolve)
  })
  return {
    port: from,
    cut: (next) => {
      way = next
      if (next !== undefined) return
      // A stream with a hole in it is good for nothing.
      for (const { near, far, robbed } of pairs) {
        if (!robbed) continue
        near.destroy()
        far.destroy()
      }
    },
    close: () => {
      server.close()
      for (const { near, far } of pairs) {
        near.destroy()
        far.destroy()
      }
    },
  }
}
