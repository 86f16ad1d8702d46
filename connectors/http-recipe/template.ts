import { ConnectorError, pathSegment } from '#connector-sdk'

/** Names that may stand in braces in a recipe. */
export const PLACEHOLDERS = [
  'id',
  'userName',
  'externalId',
  'email',
  'cursor',
  'idempotencyKey',
] as const
export type Values = Partial<Record<(typeof PLACEHOLDERS)[number], string>>

const PLACEHOLDER = /\{(\w+)(:json)?\}/g

/** The placeholders of a template that no recipe knows. */
export function strangePlaceholders(template: string): string[] {
  return [...template.matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .filter((name) => !PLACEHOLDERS.some((known) => known === name))
}

/**
 * A path with its values, percent-encoded. `{name:json}` is escaped as inside a JSON string first, for filters
 * such as `userName eq "{userName:json}"`.
 *
 * @throws ConnectorError invalid when a value is missing, or would climb out of its path segment
 */
export function renderPath(template: string, values: Values): string {
  const [path = '', ...query] = template.split('?')
  const rendered = fill(path, values, pathSegment)
  return query.length === 0
    ? rendered
    : `${rendered}?${fill(query.join('?'), values, encodeURIComponent)}`
}

/** A header value. Line breaks are refused by the HTTP client. @throws ConnectorError invalid */
export function renderText(template: string, values: Values): string {
  return fill(template, values, (value) => value)
}

/** A JSON value with the values put into its strings; serialising it escapes them. @throws ConnectorError invalid */
export function renderJson(template: unknown, values: Values): unknown {
  if (typeof template === 'string') return renderText(template, values)
  if (Array.isArray(template)) return template.map((item) => renderJson(item, values))
  if (typeof template !== 'object' || template === null) return template
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) => [key, renderJson(value, values)]),
  )
}

function fill(template: string, values: Values, encode: (value: string) => string): string {
  return template.replace(PLACEHOLDER, (_, name: string, json: string | undefined) => {
    const value = values[name as keyof Values]
    if (value === undefined) throw new ConnectorError('invalid', `there is no ${name} to put in`)
    return encode(json === undefined ? value : JSON.stringify(value).slice(1, -1))
  })
}
