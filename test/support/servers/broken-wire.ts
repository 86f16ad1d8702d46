import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy in front of a server that misbehaves on demand. */
export interface BrokenWire {
  port: number
  /**
   * From now on, what contains `mark` still reaches the server, and then: `silence` lets no answer back, `reset` breaks
   * the connection at the first byte of the answer.
   */
  breakAfter(mark: string, how: 'silence' | 'reset'): void
  close(): Promise<void>
}

/** @param port of the server on 127.0.0.1 */
export async function startBrokenWire(port: number): Promise<BrokenWire> {
  let fault: { mark: string; how: 'silence' | 'reset' } | undefined
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let broken: 'silence' | 'reset' | undefined
    client.on('data', (chunk: Buffer) => {
      if (fault !== undefined && chunk.includes(fault.mark)) broken = fault.how
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (broken === undefined) client.write(chunk)
      else if (broken === 'reset') client.resetAndDestroy()
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      // What matters of an error is that it ends the other side too.
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    breakAfter: (mark, how) => {
      fault = { mark, how }
    },
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
