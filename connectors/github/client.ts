import {
  type CallContext,
  ConnectorError,
  type HttpClient,
  type ReadingOptions,
  withHeaders,
} from '#connector-sdk'

/** The version that the calls here were written against. */
const VERSION = '2022-11-28'

/** The client with the credential and the headers that GitHub asks for. @throws ConnectorError credential */
export function github(call: CallContext): HttpClient {
  const { token } = call.secrets
  if (token === undefined) throw new ConnectorError('credential', 'token is missing')
  return withHeaders(call.http, {
    authorization: `Bearer ${token}`,
    'x-github-api-version': VERSION,
  })
}

export const REST = { accept: 'application/vnd.github+json' }

export function reading(what: string, call: CallContext): ReadingOptions {
  return { what, isRead: true, now: call.now() }
}

export function writing(what: string, call: CallContext): ReadingOptions {
  return { what, isRead: false, now: call.now() }
}
