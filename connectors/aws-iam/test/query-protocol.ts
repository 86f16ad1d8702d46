import * as sdk from '@aws-sdk/client-iam'

/**
 * The server's side of the AWS query protocol, by the vendor's own model: the schemas that come with the SDK.
 * A request with an unknown or a missing member is refused, and so is such an answer of the fake.
 *
 * A schema is 0 (text), 1 (number), 2 (boolean), 4 (time), 64|n (list of n), or a tuple:
 * [1, namespace, name, traits, item] a list, [3, namespace, name, traits, names, members, required] a structure,
 * [9, namespace, name, traits, input, output] an operation. Functions stand for references.
 */
type Schema = number | string | readonly unknown[] | (() => Schema)

const settled = (schema: unknown): Schema => {
  const plain = typeof schema === 'function' ? (schema as () => Schema)() : (schema as Schema)
  // A member with traits: [schema, traits].
  return Array.isArray(plain) && plain.length === 2 ? settled(plain[0]) : plain
}

interface Structure {
  name: string
  members: ReadonlyMap<string, Schema>
  required: readonly string[]
}

function structureOf(schema: unknown): Structure | undefined {
  const plain = settled(schema)
  if (!Array.isArray(plain) || plain[0] !== 3) return undefined
  const [, , name, , names, members, required = 0] = plain as [
    number,
    string,
    string,
    unknown,
    string[],
    Schema[],
    number?,
  ]
  return {
    name,
    members: new Map(names.map((one, i) => [one, members[i] as Schema])),
    required: names.slice(0, required),
  }
}

function itemOf(schema: unknown): Schema | undefined {
  const plain = settled(schema)
  if (typeof plain === 'number') return plain >= 64 && plain < 128 ? plain - 64 : undefined
  return Array.isArray(plain) && plain[0] === 1 ? settled(plain[4]) : undefined
}

function operation(action: string): { input: Structure; output: Structure | undefined } {
  const found = (sdk as unknown as Record<string, Schema>)[`${action}$`]
  const input = Array.isArray(found) && found[0] === 9 ? structureOf(found[4]) : undefined
  if (input === undefined) throw new Error(`the model has no ${action}`)
  return { input, output: structureOf((found as readonly unknown[])[5]) }
}

/** @throws Error when the request is not as the model says */
export function readRequest(body: string): { action: string; input: Record<string, string> } {
  const form = new URLSearchParams(body)
  const action = form.get('Action') ?? ''
  if (form.get('Version') !== '2010-05-08') throw new Error('another version of the model')
  const { input: model } = operation(action)
  const input: Record<string, string> = {}
  for (const [name, value] of form) {
    if (name === 'Action' || name === 'Version') continue
    if (!model.members.has(name)) throw new Error(`${action} has no ${name}`)
    input[name] = value
  }
  const missing = model.required.find((name) => input[name] === undefined)
  if (missing !== undefined) throw new Error(`${action} needs ${missing}`)
  return { action, input }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function xml(schema: Schema, value: unknown, at: string): string {
  const structure = structureOf(schema)
  if (structure !== undefined) {
    const fields = value as Record<string, unknown>
    const stray = Object.keys(fields).find((name) => !structure.members.has(name))
    if (stray !== undefined) throw new Error(`${at} has no ${stray}`)
    const missing = structure.required.find((name) => fields[name] === undefined)
    if (missing !== undefined) throw new Error(`${at} needs ${missing}`)
    return Object.entries(fields)
      .map(([name, one]) => {
        const member = structure.members.get(name) as Schema
        return `<${name}>${xml(member, one, `${at}.${name}`)}</${name}>`
      })
      .join('')
  }
  const item = itemOf(schema)
  if (item !== undefined) {
    return (value as unknown[])
      .map((one) => `<member>${xml(item, one, `${at}[]`)}</member>`)
      .join('')
  }
  const kinds: Record<number, string> = { 0: 'string', 1: 'number', 2: 'boolean', 4: 'string' }
  const kind = typeof schema === 'number' ? kinds[schema] : undefined
  if (kind !== undefined && typeof value !== kind) throw new Error(`${at} is no ${kind}`)
  return escaped(String(value))
}

const XMLNS = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
const META = '<ResponseMetadata><RequestId>fake-request</RequestId></ResponseMetadata>'

/** @throws Error when the answer is not as the model says */
export function writeAnswer(action: string, output: object): string {
  const { output: model } = operation(action)
  if (model === undefined) return `<${action}Response ${XMLNS}>${META}</${action}Response>`
  const found = (sdk as unknown as Record<string, readonly unknown[]>)[`${action}$`]
  const result = xml(settled(found?.[5]), output, action)
  return `<${action}Response ${XMLNS}><${action}Result>${result}</${action}Result>${META}</${action}Response>`
}

export function writeError(code: string): string {
  return `<ErrorResponse ${XMLNS}><Error><Type>Sender</Type><Code>${code}</Code><Message>refused</Message></Error><RequestId>fake-request</RequestId></ErrorResponse>`
}
