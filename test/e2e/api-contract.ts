import { Ajv2020 } from 'ajv/dist/2020.js'

interface Operation {
  'x-roles': string[]
  responses: Record<string, { content?: Record<string, unknown> }>
}
export interface Description {
  paths: Record<string, Record<string, Operation>>
}

/** One answer of the API, as a client sees it. */
export interface SeenAnswer {
  method: string
  /** Below /api/v1, without a query. */
  path: string
  status: number
  contentType: string | null
  json: unknown
}

/** Every operation of the document. */
export function operationsOf(description: Description) {
  return Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      roles: operation['x-roles'],
      operation,
    })),
  )
}

/** Holds answers against the OpenAPI document that the hub serves. */
export function createContract(description: Description) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(description, 'api')
  const operations = operationsOf(description).map((one) => ({
    ...one,
    // A literal step goes before a placeholder.
    weight: one.path.split('{').length,
    pattern: new RegExp(`^${one.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }))
  operations.sort((a, b) => a.weight - b.weight)

  /** What of an answer the document does not say; empty when it says all of it. */
  return (seen: SeenAnswer): string[] => {
    const found = operations.find(
      ({ method, pattern }) => method === seen.method && pattern.test(seen.path),
    )
    const media = seen.contentType?.split(';')[0]
    if (found === undefined) {
      return seen.status >= 400 ? [] : [`${seen.method} ${seen.path} is not described`]
    }
    const isProblem = seen.status >= 400
    const key = isProblem ? 'default' : String(seen.status)
    const response = found.operation.responses[key]
    if (response === undefined)
      return [`${found.method} ${found.path} has no answer ${seen.status}`]
    if (response.content === undefined)
      return seen.json === undefined ? [] : ['a body is not described']
    if (media === undefined || response.content[media] === undefined) {
      return [`${found.method} ${found.path} ${seen.status} does not describe ${media}`]
    }
    if (!media.includes('json')) return []
    const inPointer = (text: string): string =>
      encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'))
    const pointer = [
      'paths',
      found.path,
      found.method.toLowerCase(),
      'responses',
      key,
      'content',
      media,
      'schema',
    ]
    const valid = ajv.validate({ $ref: `api#/${pointer.map(inPointer).join('/')}` }, seen.json)
    return valid ? [] : [`${found.method} ${found.path} ${seen.status}: ${ajv.errorsText()}`]
  }
}
