import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A failure that the person at the terminal can do something about; printed without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

export interface ApiClient {
  readonly url: string
  /** @throws CliError that says what to do */
  json<T>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<T>
  /** Reads a resource and changes what is named, unless somebody else has changed it in between. */
  update<T>(path: string, change: unknown): Promise<T>
  /** The answer whatever its status, for health checks. */
  raw(path: string): Promise<Response>
  bytes(path: string): Promise<Buffer>
  /** All pages of a list, in order. */
  pages<T>(path: string, query: Record<string, string>, max: number): Promise<T[]>
}

/**
 * @param env QUITTANCE_URL and QUITTANCE_TOKEN; without a token, that of the hub in DATA_DIR on this machine
 */
export function createApiClient(env: Readonly<Record<string, string | undefined>>): ApiClient {
  const url = (env['QUITTANCE_URL'] || 'http://127.0.0.1:8080').replace(/\/+$/, '')
  const token = env['QUITTANCE_TOKEN'] || localToken(url, env['DATA_DIR'] || './.data')

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response> => {
    try {
      return await fetch(url + path, {
        method,
        headers: {
          accept: 'application/json, */*',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
      throw new CliError(
        `No hub answers at ${url} (${code ?? (error as Error).message}).\n` +
          'Start one with `quittance start`, or set QUITTANCE_URL to its address.',
        { cause: error },
      )
    }
  }
  const checked = async (...request: Parameters<typeof call>): Promise<Response> => {
    const response = await call(...request)
    if (response.ok) return response
    throw await refusal(response, token === undefined)
  }

  const json: ApiClient['json'] = async (method, path, body, headers) => {
    const text = await (await checked(method, `/api/v1${path}`, body, headers)).text()
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    url,
    json,
    update: async (path, change) => {
      const found = await checked('GET', `/api/v1${path}`)
      await found.body?.cancel()
      return await json('PATCH', path, change, { 'if-match': found.headers.get('etag') ?? '' })
    },
    raw: (path) => call('GET', path),
    bytes: async (path) =>
      Buffer.from(await (await checked('GET', `/api/v1${path}`)).arrayBuffer()),
    pages: async <T>(path: string, query: Record<string, string>, max: number) => {
      const all: T[] = []
      let cursor: string | undefined
      do {
        const parameters = new URLSearchParams({
          ...query,
          limit: String(Math.min(200, max - all.length)),
          ...(cursor === undefined ? {} : { cursor }),
        })
        const page = await json<{ items: T[]; nextCursor?: string }>('GET', `${path}?${parameters}`)
        all.push(...page.items)
        cursor = page.nextCursor
      } while (cursor !== undefined && all.length < max)
      return all
    },
  }
}

/** `npm start` leaves the admin token in a file; on the same machine nobody has to copy it. */
function localToken(url: string, dataDir: string): string | undefined {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)) return undefined
  try {
    return readFileSync(join(dataDir, 'admin-token'), 'utf8').trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

interface ProblemText {
  detail?: string
  code?: string
  requestId?: string
  errors?: { pointer: string; message: string }[]
}

async function refusal(response: Response, hasNoToken: boolean): Promise<CliError> {
  const text = await response.text()
  const problem: ProblemText = /json/.test(response.headers.get('content-type') ?? '')
    ? JSON.parse(text)
    : {}
  const lines = problem.errors?.map((e) => `  ${e.pointer || 'the body'}: ${e.message}`) ?? []
  const what =
    lines.length > 0
      ? ['The hub refused:', ...lines]
      : [problem.detail ?? `The hub answered ${response.status}.`]
  return new CliError([...what, ...advice(response, problem, hasNoToken)].join('\n'))
}

function advice(response: Response, problem: ProblemText, hasNoToken: boolean): string[] {
  const id = problem.requestId === undefined ? [] : [`Request id: ${problem.requestId}`]
  if (response.status === 401) {
    return [
      hasNoToken
        ? 'Set QUITTANCE_TOKEN to an API token (the first one is in DATA_DIR/admin-token).'
        : 'QUITTANCE_TOKEN is not accepted there: it is wrong, deleted or expired.',
    ]
  }
  if (response.status === 503 || response.status === 429) {
    return [`Try again in ${response.headers.get('retry-after') ?? 'a few'} seconds.`, ...id]
  }
  return response.status >= 500 ? id : []
}
