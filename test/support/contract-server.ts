import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

/** The part of an OpenAPI 3.0 document that a fake is held to. */
export interface Contract {
  paths: Record<string, Record<string, unknown>>
  components?: unknown
}

/** Something that the vendor's document says wrongly. */
export interface ContractException {
  /** `PATCH /users/{id}` */
  operation: string
  /** Regular expression of the place in the message, e.g. `^/Operations/\d+/value$`. */
  at: string
  /** Why the document is taken to be wrong. */
  because: string
}

export interface AskedOperation {
  /** Of the path, decoded. */
  params: Record<string, string>
  query: URLSearchParams
  /** JSON, a form's text, or undefined. */
  body: unknown
  headers: Readonly<Record<string, string>>
}

export interface OperationAnswer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

export interface ContractServer {
  origin: string
  /** What was not as the contract says: `operation: what`. */
  violations: string[]
  /** @throws when there were violations */
  close(): Promise<void>
}

interface Operation {
  parameters?: ({ $ref: string } | Parameter)[]
  requestBody?: { content: Record<string, unknown>; required?: boolean }
  responses: Record<string, { $ref: string } | { content?: Record<string, unknown> }>
}
interface Parameter {
  name: string
  in: string
  required?: boolean
}

interface Route {
  name: string
  method: string
  pattern: RegExp
  names: string[]
  /** Absent for a route that the contract does not know. */
  operation?: Operation
  pointer: string
  handle(asked: AskedOperation): OperationAnswer
}

/**
 * A stateful fake of a vendor: each request to it and each answer of it is checked against the vendor's own
 * description. A route that the description does not have must be named in `beyond`.
 *
 * @param routes by operation, `GET /users/{id}`
 * @param beyond operations that the description does not have, with the reason
 */
export async function startContractServer({
  contract,
  routes,
  exceptions = [],
  beyond = {},
}: {
  contract: Contract
  routes: Record<string, (asked: AskedOperation) => OperationAnswer>
  exceptions?: readonly ContractException[]
  beyond?: Record<string, string>
}): Promise<ContractServer> {
  const violations: string[] = []
  const table = Object.entries(routes).map(([name, handle]) => routeOf(contract, name, handle))
  for (const { name, operation } of table) {
    if (operation === undefined && beyond[name] === undefined) {
      throw new Error(`the contract has no ${name}`)
    }
  }
  const check = checker(contract, exceptions, violations)
  // Compiling takes longer than an exchange may: not in the middle of one.
  for (const route of table) check.compile(route)

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake')
    const respond = async (): Promise<OperationAnswer> => {
      const raw = await text(request)
      const route = table.find(
        ({ method, pattern }) => method === request.method && pattern.test(url.pathname),
      )
      if (route === undefined) {
        violations.push(`${request.method} ${url.pathname}: no such operation`)
        return { status: 501 }
      }
      const values = route.pattern.exec(url.pathname)?.slice(1) ?? []
      const mediaType = (request.headers['content-type'] ?? '').split(';')[0] ?? ''
      const asked: AskedOperation = {
        params: Object.fromEntries(
          route.names.map((name, i) => [name, decodeURIComponent(values[i] ?? '')]),
        ),
        query: url.searchParams,
        body: raw === '' ? undefined : mediaType.includes('json') ? JSON.parse(raw) : raw,
        headers: request.headers as Record<string, string>,
      }
      check.request(route, asked, mediaType)
      const answer = route.handle(asked)
      return { ...answer, headers: check.answer(route, answer) }
    }
    respond().then(
      ({ status, body, headers = {} }) =>
        response.writeHead(status, headers).end(body === undefined ? '' : JSON.stringify(body)),
      (error: unknown) => {
        violations.push(`${request.method} ${url.pathname}: ${String(error)}`)
        response.writeHead(500).end()
      },
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    violations,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (violations.length > 0)
        throw new Error(`not as the contract says:\n${violations.join('\n')}`)
    },
  }
}

function routeOf(
  { paths }: Contract,
  name: string,
  handle: (asked: AskedOperation) => OperationAnswer,
): Route {
  const [method = '', path = ''] = name.split(' ')
  const names = [...path.matchAll(/\{([\w-]+)\}/g)].map(([, one = '']) => one)
  const source = path
    .split(/\{[\w-]+\}/)
    .map((part) => part.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&'))
    .join('([^/]+)')
  const operation = paths[path]?.[method.toLowerCase()] as Operation | undefined
  return {
    name,
    method,
    pattern: new RegExp(`^${source}$`),
    names,
    ...(operation === undefined ? {} : { operation }),
    pointer: `/paths/${escaped(path)}/${method.toLowerCase()}`,
    handle,
  }
}

function parameterOf(type: string | undefined, text: string): unknown {
  if (type === 'array') return text.split(',')
  return type === 'integer' || type === 'boolean' ? JSON.parse(text) : text
}

/** RFC 6901, inside the fragment of a URI. */
const escaped = (token: string): string =>
  encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1'))

// A large document takes a while to compile: once for all servers.
const compiled = new WeakMap<Contract, Map<string, ValidateFunction>>()
const ajvOf = new WeakMap<Contract, Ajv>()

function checker(
  contract: Contract,
  exceptions: readonly ContractException[],
  violations: string[],
) {
  const ajv = ajvOf.get(contract) ?? new Ajv({ strict: false, validateFormats: false })
  if (!ajvOf.has(contract)) {
    ajv.opts.allErrors = true
    ajv.addSchema({ $id: 'contract', ...contract })
    ajvOf.set(contract, ajv)
    compiled.set(contract, new Map())
  }
  const validators = compiled.get(contract) ?? new Map<string, ValidateFunction>()

  const validatorOf = (pointer: string): ValidateFunction => {
    const known = validators.get(pointer)
    if (known !== undefined) return known
    const validator = ajv.compile({ $ref: `contract#${pointer}` })
    validators.set(pointer, validator)
    return validator
  }
  const validate = (route: Route, pointer: string, what: string, value: unknown): void => {
    const validator = validatorOf(pointer)
    if (validator(value)) return
    const wrong = (validator.errors ?? []).filter((error) => !isExcepted(route, error))
    violations.push(
      ...wrong.map((error) => `${route.name} ${what}${error.instancePath} ${error.message}`),
    )
  }
  const isExcepted = ({ name }: Route, { instancePath }: ErrorObject): boolean =>
    exceptions.some(({ operation, at }) => operation === name && new RegExp(at).test(instancePath))
  const resolve = (pointer: string, value: unknown): [pointer: string, value: unknown] => {
    const { $ref } = value as { $ref?: string }
    if ($ref === undefined) return [pointer, value]
    const target = $ref
      .slice(2)
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], contract)
    return [$ref.slice(1), target]
  }

  return {
    compile({ operation, pointer }: Route): void {
      const answers = Object.entries(operation?.responses ?? {}).map(([status, answer]) =>
        resolve(`${pointer}/responses/${status}`, answer),
      )
      const parts = [...answers, resolve(`${pointer}/requestBody`, operation?.requestBody ?? {})]
      for (const [at, part] of parts) {
        for (const mediaType of Object.keys((part as { content?: object }).content ?? {})) {
          validatorOf(`${at}/content/${escaped(mediaType)}/schema`)
        }
      }
    },
    request(route: Route, { query, body }: AskedOperation, mediaType: string): void {
      const { operation, pointer, name } = route
      if (operation === undefined) return
      const parameters = (operation.parameters ?? []).map(
        (one, i) => resolve(`${pointer}/parameters/${i}`, one) as [string, Parameter],
      )
      const inQuery = parameters.filter(([, one]) => one.in === 'query')
      for (const key of query.keys()) {
        if (!inQuery.some(([, one]) => one.name === key))
          violations.push(`${name} has no query ${key}`)
      }
      for (const [at, one] of inQuery) {
        const text = query.get(one.name)
        if (text === null && one.required) violations.push(`${name} needs the query ${one.name}`)
        if (text === null) continue
        const { schema } = one as unknown as { schema: { type?: string } }
        validate(route, `${at}/schema`, `query ${one.name}`, parameterOf(schema.type, text))
      }
      if (operation.requestBody === undefined) {
        if (body !== undefined) violations.push(`${name} takes no body`)
        return
      }
      const [at, { content, required }] = resolve(
        `${pointer}/requestBody`,
        operation.requestBody,
      ) as [string, NonNullable<Operation['requestBody']>]
      if (body === undefined) {
        if (required) violations.push(`${name} needs a body`)
      } else if (content[mediaType] === undefined) {
        violations.push(`${name} takes no ${mediaType}`)
      } else {
        validate(route, `${at}/content/${escaped(mediaType)}/schema`, 'body', body)
      }
    },
    /** @returns the headers of the answer, with the media type of the contract */
    answer(route: Route, { status, body, headers = {} }: OperationAnswer): Record<string, string> {
      const { operation, pointer, name } = route
      if (operation === undefined) return { 'content-type': 'application/json', ...headers }
      const key = [String(status), `${Math.floor(status / 100)}XX`, 'default'].find(
        (one) => operation.responses[one] !== undefined,
      )
      if (key === undefined) {
        // Some vendors describe no errors at all.
        const hasErrors = Object.keys(operation.responses).some((one) => /^[45d]/.test(one))
        if (status >= 400 && !hasErrors) return { 'content-type': 'application/json', ...headers }
        violations.push(`${name} does not answer ${status}`)
        return headers
      }
      const [at, { content = {} }] = resolve(
        `${pointer}/responses/${key}`,
        operation.responses[key],
      ) as [string, { content?: Record<string, unknown> }]
      const [mediaType] = Object.keys(content)
      if (mediaType === undefined || status === 204) {
        if (body !== undefined) violations.push(`${name} answers ${status} without a body`)
        return headers
      }
      validate(route, `${at}/content/${escaped(mediaType)}/schema`, `answer ${status}`, body)
      return { 'content-type': mediaType, ...headers }
    },
  }
}
