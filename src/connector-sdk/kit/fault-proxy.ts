import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { SeenRequest, WireFault } from './world.ts'

/** A reverse proxy that misbehaves on demand. */
export interface FaultProxy {
  origin: string
  /** All requests that came, newest last. */
  seen: SeenRequest[]
  /** From now on, requests that `when` picks (default: all) suffer this; undefined ends it. */
  inject(fault: WireFault | undefined, when?: (asked: SeenRequest) => boolean): void
  close(): Promise<void>
}

/** @param upstream origin to forward to, e.g. `http://127.0.0.1:4001` */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const seen: SeenRequest[] = []
  let current: { fault: WireFault; when: (asked: SeenRequest) => boolean } | undefined
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const asked = {
      method: req.method ?? '',
      path: req.url ?? '/',
      headers: req.headers as Record<string, string>,
      body: (await buffer(req)).toString(),
    }
    seen.push(asked)
    const fault = current?.when(asked) ? current.fault : undefined
    switch (fault?.kind) {
      case undefined: {
        const { status, headers, body } = await forward(upstream, asked)
        return void res.writeHead(status, headers).end(body)
      }
      case 'answer':
        return void res.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? '')
      case 'lie':
        return void res
          .writeHead(200, { 'content-type': 'application/json' })
          .end(fault.body(asked))
      case 'reset-before':
        return void req.socket.resetAndDestroy()
      case 'reset-after':
        await forward(upstream, asked)
        return void req.socket.resetAndDestroy()
      case 'silence':
        await forward(upstream, asked)
        return
      case 'truncate': {
        const { status, headers, body } = await forward(upstream, asked)
        res.writeHead(status, { ...headers, 'content-length': String(body.length + 2) })
        res.write(body.subarray(0, body.length / 2), () => req.socket.destroy())
        return
      }
      case 'drip': {
        res.writeHead(200, { 'content-type': 'application/json' })
        const timer = setInterval(() => res.write(' '), 20)
        res.once('close', () => clearInterval(timer))
      }
    }
  }
  const server = createServer((req, res) => {
    handle(req, res).catch((error: unknown) => res.writeHead(502).end(String(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    inject: (fault, when = () => true) => {
      current = fault === undefined ? undefined : { fault, when }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function forward(
  upstream: string,
  { method, path, headers, body }: SeenRequest,
): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { host: _, connection: __, ...rest } = headers
    const out = request(new URL(path, upstream), { method, headers: rest, agent: false }, (res) => {
      buffer(res).then((whole) => {
        const { 'transfer-encoding': _chunked, connection: _c, ...kept } = res.headers
        resolve({
          status: res.statusCode ?? 502,
          headers: kept as Record<string, string>,
          body: whole,
        })
      }, reject)
    })
    out.once('error', reject).end(body)
  })
}
