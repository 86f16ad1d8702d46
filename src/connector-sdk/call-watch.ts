import type { CallContext, Connector, HttpClient, NetClient } from './contract.ts'

/** What a connector can be asked for. */
export type Operation = 'test' | 'correlate' | 'list' | 'revoke' | 'observe' | 'probe' | 'restore'

/** Stands around every call onto an application, for metrics and traces. It changes neither answers nor errors. */
export interface CallWatch {
  operation<T>(
    about: { appId: string; connectorId: string; operation: Operation },
    work: () => Promise<T>,
  ): Promise<T>
  /**
   * One request within an operation, or one connection of another protocol.
   *
   * @param about.host name and port; path and query may name people, so they are not told
   * @param statusOf the HTTP status of the answer
   */
  exchange<T>(
    about: { method: string; host: string },
    work: () => Promise<T>,
    statusOf?: (answer: T) => number,
  ): Promise<T>
}

/** The connector with `around` around each of its calls. */
export function watchConnector(
  connector: Connector,
  around: <T>(operation: Operation, work: () => Promise<T>) => Promise<T>,
): Connector {
  const { probe, restore } = connector
  return {
    ...connector,
    test: (call) => around('test', () => connector.test(call)),
    correlate: (subject, call) => around('correlate', () => connector.correlate(subject, call)),
    list: (facet, of, cursor, call) =>
      around('list', () => connector.list(facet, of, cursor, call)),
    revoke: (handle, call) => around('revoke', () => connector.revoke(handle, call)),
    observe: (handle, call) => around('observe', () => connector.observe(handle, call)),
    ...(probe === undefined
      ? {}
      : { probe: (handle, call) => around('probe', () => probe(handle, call)) }),
    ...(restore === undefined
      ? {}
      : { restore: (handle, undo, call) => around('restore', () => restore(handle, undo, call)) }),
  }
}

/** What a call may use, with the watch around each exchange. */
export function watchExchanges<Ways extends Pick<CallContext, 'http' | 'net'>>(
  ways: Ways,
  watch: CallWatch,
): Ways {
  const { http, net } = ways
  const send: HttpClient['send'] = (request) =>
    watch.exchange(
      { method: request.method, host: hostOf(request.url) },
      () => http.send(request),
      ({ status }) => status,
    )
  const connect: NetClient['connect'] = (target) =>
    watch.exchange({ method: 'CONNECT', host: `${target.host}:${target.port}` }, () =>
      net.connect(target),
    )
  return { ...ways, http: { ...http, send }, net: { ...net, connect } }
}

/** An address that is none is the client's to refuse. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '')
