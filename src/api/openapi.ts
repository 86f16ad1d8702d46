import { z } from 'zod'
import { STATUS } from './problem.ts'
import type { Route } from './route.ts'

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(STATUS) as [string, ...string[]]),
  requestId: z.string(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
})

/** The OpenAPI 3.1 document of the routes. `x-roles` names who may call an operation. */
export function openApi(routes: readonly Route[], publicUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const item = paths[route.path] ?? {}
    item[route.method.toLowerCase()] = operation(route)
    paths[route.path] = item
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quittance',
      version: '1',
      description:
        'Sources, apps, revocations and proofs. SCIM has its own addresses and discovery.',
    },
    servers: [{ url: `${publicUrl}/api/v1` }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
    },
  }
}

function operation(route: Route): Record<string, unknown> {
  return {
    summary: route.summary,
    operationId: operationId(route),
    'x-roles': route.allow,
    ...(route.public ? { security: [] } : {}),
    ...parameters(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.bodyOptional !== true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input') } },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [
          status,
          {
            description: answer.description,
            ...(answer.schema === undefined && answer.mediaType === undefined
              ? {}
              : {
                  content: {
                    [answer.mediaType ?? 'application/json']:
                      answer.schema === undefined
                        ? {}
                        : { schema: jsonSchema(answer.schema, 'output') },
                  },
                }),
          },
        ]),
      ),
      default: {
        description: 'A problem (RFC 9457)',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  }
}

/** `GET /sources/{id}` → `getSourcesById` */
function operationId({ method, path }: Route): string {
  const words = path
    .slice(1)
    .split('/')
    .map((step) => (step.startsWith('{') ? `By${capital(step.slice(1, -1))}` : capital(step)))
  return method.toLowerCase() + words.join('')
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

function parameters(route: Route): { parameters?: unknown[] } {
  const listed = [
    ...fieldsOf(route.params).map((field) => ({ ...field, in: 'path', required: true })),
    ...fieldsOf(route.query).map((field) => ({ ...field, in: 'query' })),
  ]
  return listed.length === 0 ? {} : { parameters: listed }
}

function fieldsOf(
  schema: z.ZodObject | undefined,
): { name: string; required: boolean; schema: unknown }[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'input')
  return Object.entries(properties).map(([name, field]) => ({
    name,
    required: required.includes(name),
    schema: field,
  }))
}

function jsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
): { properties?: Record<string, unknown>; required?: string[] } {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest as { properties?: Record<string, unknown>; required?: string[] }
}
