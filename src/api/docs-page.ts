import { PAGE_STYLE } from './page.ts'

interface Operation {
  summary: string
  operationId: string
  'x-roles': readonly string[]
  parameters?: readonly { name: string; in: string; required: boolean; schema: unknown }[]
  requestBody?: { content: Record<string, { schema: unknown }> }
  responses: Record<string, { description: string; content?: Record<string, { schema?: unknown }> }>
}

/**
 * The OpenAPI document as one page to read: no script, nothing from elsewhere.
 *
 * @param document as served at /api/v1/openapi.json
 */
export function docsPage(document: Readonly<Record<string, unknown>>): string {
  const paths = document['paths'] as Record<string, Record<string, Operation>>
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  )
  const rooms = new Map<string, typeof operations>()
  for (const one of operations) {
    const room = one.path.split('/')[1] ?? ''
    rooms.set(room, [...(rooms.get(room) ?? []), one])
  }
  const nav = [...rooms.keys()].map((room) => `<a href="#${text(room)}">${text(room)}</a>`)
  const sections = [...rooms].map(
    ([room, list]) =>
      `<section id="${text(room)}"><h2>${text(room)}</h2>${list.map(section).join('')}</section>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Quittance API</title><style>${PAGE_STYLE}</style></head><body>
<h1>Quittance API</h1>
<p>The same as <a href="openapi.json">openapi.json</a>, to read. Errors are problems (RFC 9457) with a stable
<code>code</code>. Lists page by <code>cursor</code>. A POST may carry an <code>Idempotency-Key</code>.</p>
<nav>${nav.join(' ')}</nav>
${sections.join('\n')}
</body></html>
`
}

function section({
  method,
  path,
  operation,
}: {
  method: string
  path: string
  operation: Operation
}): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: where, required, schema }) =>
      `<tr><td><code>${text(name)}</code></td><td>${text(where)}${required ? '' : ', optional'}</td><td>${text(hint(schema))}</td></tr>`,
  )
  const body = operation.requestBody?.content['application/json']?.schema
  const answers = Object.entries(operation.responses).flatMap(
    ([status, { description, content }]) =>
      status === 'default'
        ? []
        : Object.entries(content ?? { '': {} }).map(([media, { schema }]) =>
            details(`${status} ${media} ${description}`, schema),
          ),
  )
  return `<article id="${text(operation.operationId)}">
<h3><b class="${text(method)}">${text(method.toUpperCase())}</b> <code>${text(path)}</code></h3>
<p>${text(operation.summary)}. <small>${text(operation['x-roles'].join(', '))}</small></p>
${parameters.length === 0 ? '' : `<table>${parameters.join('')}</table>`}
${body === undefined ? '' : details('Body', body)}${answers.join('')}
</article>`
}

const details = (title: string, schema: unknown): string =>
  schema === undefined
    ? `<p>${text(title)}</p>`
    : `<details><summary>${text(title)}</summary><pre>${text(JSON.stringify(schema, null, 2))}</pre></details>`

/** A parameter in a few words. */
function hint(schema: unknown): string {
  const { description, enum: values, type } = schema as Record<string, unknown>
  const of = Array.isArray(values) ? values.join(' | ') : String(type ?? '')
  return [of, description].filter((part) => part !== undefined && part !== '').join('. ')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const text = (raw: string): string => raw.replaceAll(/[&<>"']/g, (one) => ENTITIES[one] ?? one)
