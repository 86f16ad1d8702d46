import { z } from 'zod'
import type { Connector } from '../connector-sdk/contract.ts'
import { HubError } from '../shared/errors.ts'
import { EVERYBODY } from './access.ts'
import { idField, pageOf } from './fields.ts'
import { registryPage, registryQuery } from './registry-page.ts'
import { defineRoute, type Route } from './route.ts'

export interface ConnectorsParts {
  connectors: ReadonlyMap<string, Connector>
}

const connectorAnswer = z.object({
  id: z.string(),
  version: z.string(),
  title: z.string(),
  configSchema: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema 2020-12' }),
  secrets: z.record(
    z.string(),
    z.object({
      title: z.string(),
      required: z.boolean(),
      minLength: z.int().optional().meta({ description: 'Characters that it has at least' }),
      inHeader: z
        .literal(true)
        .optional()
        .meta({ description: 'It has only characters that an HTTP header can carry' }),
    }),
  ),
  facets: z.array(z.record(z.string(), z.unknown())),
  absenceIs: z.enum(['proof', 'suspect']),
})

/** What kinds of application this hub can talk to, and what it must be told about each. */
export function connectorRoutes({ connectors }: ConnectorsParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/connectors',
      summary: 'List the installed connectors',
      allow: EVERYBODY,
      query: registryQuery,
      answers: { 200: { description: 'By id', schema: pageOf(connectorAnswer) } },
      handle: async ({ query }) => ({
        status: 200,
        json: registryPage([...connectors.values()].map(show), query),
      }),
    }),
    defineRoute({
      method: 'GET',
      path: '/connectors/{id}',
      summary: 'Read one connector',
      allow: EVERYBODY,
      params: z.object({ id: idField }),
      answers: { 200: { description: 'Its manifest', schema: connectorAnswer } },
      handle: async ({ params }) => {
        const connector = connectors.get(params.id)
        if (connector === undefined) {
          throw new HubError('ERR_NOT_FOUND', 'there is no such connector')
        }
        return { status: 200, json: show(connector) }
      },
    }),
  ]
}

function show({ manifest }: Connector): z.infer<typeof connectorAnswer> {
  return {
    id: manifest.id,
    version: manifest.version,
    title: manifest.title,
    // `input`: what a person fills in, before defaults. A schema that JSON Schema cannot say becomes `{}`.
    configSchema: z.toJSONSchema(manifest.configSchema, { io: 'input', unrepresentable: 'any' }),
    secrets: { ...manifest.secrets },
    facets: manifest.facets.map((facet) => ({ ...facet })),
    absenceIs: manifest.absenceIs,
  }
}
