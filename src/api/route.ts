import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Principal, Role } from '../auth/principal.ts'
import type { CallActs } from './call-acts.ts'

/** One operation of /api/v1 as data: the router, the OpenAPI document and the access test read the same thing. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below /api/v1, with OpenAPI placeholders: `/sources/{id}`. */
  path: string
  summary: string
  /** Who may call it. Never empty. */
  allow: readonly [Role, ...Role[]]
  /** Anybody may call it, without a token. For a GET that shows no data of this hub. */
  public?: true
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  /** A body may be left out; then `{}` is validated. */
  bodyOptional?: true
  /** Not a GET, and yet there is nothing for the audit trail: it changes nothing. */
  changesNothing?: true
  /** Successful answers by status. */
  answers: Readonly<Record<number, AnswerSpec>>
  handle(call: Call<unknown, unknown, unknown>): Promise<Answer>
}

interface AnswerSpec {
  description: string
  /** JSON of this shape; absent for answers without a body or of another media type. */
  schema?: z.ZodType
  /** Media type of an answer that is not JSON. */
  mediaType?: string
}

/** A request that has been authenticated, authorised and validated. */
export interface Call<Params, Query, Body> {
  params: Params
  query: Query
  body: Body
  principal: Principal
  /**
   * Who the same token or session belongs to by now. For answers that go on.
   *
   * @throws HubError as `AdminAuthenticator`: it may have ended meanwhile
   */
  authenticateAgain(): Promise<Principal>
  requestId: string
  headers: IncomingHttpHeaders
  /** The one way to change anything. */
  acts: CallActs
  /** Aborted when the client is gone. */
  signal: AbortSignal
}

export interface Answer {
  status: number
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is, with the media type of the answer's spec. */
  content?: string | Buffer
  /** Sent piece by piece until it ends or the client is gone. */
  stream?: AsyncIterable<string>
  headers?: Readonly<Record<string, string>>
}

type Output<S> = S extends z.ZodType ? z.output<S> : Record<never, never>

/** Types the handler by the schemas of its route. */
export function defineRoute<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  route: Omit<Route, 'handle' | 'params' | 'query' | 'body'> & {
    params?: P
    query?: Q
    body?: B
    handle(call: Call<Output<P>, Output<Q>, Output<B>>): Promise<Answer>
  },
): Route {
  return route as unknown as Route
}
