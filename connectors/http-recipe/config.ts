import { z } from 'zod'
import { facetSettings } from '#connector-sdk'
import { strangePlaceholders } from './template.ts'

const template = z.string().refine((text) => strangePlaceholders(text).length === 0, {
  error: 'a name in braces is unknown',
})
const pointer = z
  .string()
  .regex(/^(\/([^~/]|~[01])*)*$/)
  .meta({
    title: 'JSON pointer',
    examples: ['/users', '/data/0/id'],
  })
const statuses = (defaults: number[]) => z.array(z.int().min(200).max(499)).default(defaults)

const step = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).meta({ title: 'Method' }),
  path: template
    .refine((path) => path.startsWith('/'), { error: 'must begin with /' })
    .meta({
      title: 'Path below the base URL',
      description:
        '{id}, {userName}, {externalId}, {email}; {userName:json} inside quotes of a filter.',
      examples: ['/api/users/{id}'],
    }),
  headers: z.record(z.string(), template).default({}).meta({ title: 'Headers' }),
  body: z.json().optional().meta({ title: 'JSON body, with the same names in its strings' }),
})

const search = step.extend({
  items: pointer.meta({ title: 'Where the accounts are in the answer' }),
  total: pointer.optional().meta({ title: 'Where the number of all accounts is' }),
  paging: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('none') }),
      z.strictObject({ kind: z.literal('page'), param: z.string(), first: z.int().default(1) }),
      z.strictObject({ kind: z.literal('offset'), param: z.string(), first: z.int().default(0) }),
      z.strictObject({ kind: z.literal('cursor'), param: z.string(), next: pointer }),
    ])
    .default({ kind: 'none' })
    .meta({ title: 'Paging' }),
})

const condition = z
  .union([
    z.strictObject({ at: pointer, equals: z.json() }),
    z.strictObject({ at: pointer, empty: z.boolean() }),
  ])
  .meta({ title: 'Condition on the answer' })

const facet = facetSettings.extend({
  revoke: step.extend({
    done: statuses([200, 201, 204]),
    accepted: statuses([202]),
    already: statuses([]),
  }),
  observe: step
    .extend({
      live: condition,
      dead: condition,
      absent: statuses([404]).meta({ title: 'Statuses that say: no such account' }),
    })
    .optional()
    .meta({ description: 'Without it nothing can be proven.' }),
  restore: step.optional(),
})

/** A recipe: how one HTTP interface is asked to find, disable, show and list accounts. */
export const recipeConfig = z
  .strictObject({
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .transform((url) => url.replace(/\/+$/, ''))
      .meta({ title: 'Base URL' }),
    auth: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('bearer') }),
        z.strictObject({ kind: z.literal('basic'), user: z.string().min(1) }),
        z.strictObject({ kind: z.literal('header'), name: z.string().regex(/^[A-Za-z0-9-]+$/) }),
      ])
      .default({ kind: 'bearer' })
      .meta({ title: 'How the secret is sent' }),
    account: z
      .strictObject({
        id: pointer,
        userName: pointer.optional(),
        externalId: pointer.optional(),
        emails: pointer.optional(),
      })
      .meta({ title: 'Where the keys are in one account' }),
    correlateBy: z
      .array(z.enum(['userName', 'externalId', 'emails']))
      .min(1)
      .default(['userName'])
      .meta({ title: 'Keys that tie a person to an account' }),
    emailsAreExact: z.boolean().default(false).meta({
      title: 'An e-mail address identifies a person here',
    }),
    find: search.optional().meta({ title: 'Search', description: 'Default: read the list.' }),
    list: search.optional().meta({ title: 'List of all accounts' }),
    facets: z.array(facet).min(1).meta({
      title: 'Kinds of access, in the order in which they are to be ended',
    }),
    maxAccounts: z.int().min(1).max(1_000_000).default(20_000).meta({
      title: 'Most accounts read in one search',
    }),
  })
  .refine(({ find, list }) => find !== undefined || list !== undefined, {
    error: 'find or list is needed',
    path: ['find'],
  })

export type RecipeConfig = z.output<typeof recipeConfig>
export type Step = z.output<typeof step>
export type Search = z.output<typeof search>
export type Condition = z.output<typeof condition>
export type FacetRecipe = z.output<typeof facet>
