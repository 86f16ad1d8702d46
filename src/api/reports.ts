import { z } from 'zod'
import type { AppTimeliness, ReportStore } from '../revocation/report-store.ts'
import type { AppRecord } from '../revocation/types.ts'
import { type Clock, DAY, type Instant, iso } from '../shared/clock.ts'
import { READERS } from './access.ts'
import { instantField, present } from './fields.ts'
import { appsById } from './revocation-answer.ts'
import { defineRoute, type Route } from './route.ts'
import { invalid } from './validate.ts'

export interface ReportsParts {
  reports: ReportStore
  apps: { all(): Promise<AppRecord[]> }
  clock: Clock
}

const LONGEST_MS = 366 * DAY
const query = z.strictObject({
  from: z.iso.datetime().optional().meta({ description: 'Default: 30 days before `until`' }),
  until: z.iso.datetime().optional().meta({ description: 'Default: now. At most a year of it' }),
})
const span = { from: instantField, until: instantField }
const counts = {
  total: z.int(),
  proven: z.int(),
  inTime: z.int().meta({ description: 'Proven by the deadline' }),
  waived: z.int(),
  superseded: z.int(),
  overdue: z.int(),
  contradicted: z.int(),
}
const score = z
  .number()
  .min(0)
  .max(1)
  .optional()
  .meta({ description: 'Proven in time, of all that was neither superseded nor is still in time' })

/** How well it goes: who left, and what was revoked in time. */
export function reportRoutes({ reports, apps, clock }: ReportsParts): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/reports/timeliness',
      summary: 'Revocations against their deadlines: in all, and a score for each app',
      allow: READERS,
      query,
      answers: {
        200: {
          description: 'Of all whose deadline lies in the span',
          schema: z.object({
            ...span,
            ...counts,
            score,
            apps: z.array(
              z.object({
                appId: z.string(),
                appName: z.string().optional(),
                ...counts,
                score,
                averageSeconds: z.number().optional(),
                longestSeconds: z.number().optional(),
              }),
            ),
          }),
        },
      },
      handle: async ({ query: asked }) => {
        const now = clock.now()
        const { from, until } = spanOf(asked, now)
        const [rows, known] = await Promise.all([
          reports.timeliness({ from, until, now }),
          appsById(apps),
        ])
        const sum = (name: keyof typeof counts): number =>
          rows.reduce((total, row) => total + row[name], 0)
        const total: Pick<AppTimeliness, keyof typeof counts> = {
          total: sum('total'),
          proven: sum('proven'),
          inTime: sum('inTime'),
          waived: sum('waived'),
          superseded: sum('superseded'),
          overdue: sum('overdue'),
          contradicted: sum('contradicted'),
        }
        return {
          status: 200,
          json: {
            from: iso(from),
            until: iso(until),
            ...total,
            ...present({ score: scoreOf(total) }),
            apps: rows.map(({ averageMs, longestMs, ...row }) => ({
              ...row,
              ...present({
                appName: known.get(row.appId)?.name,
                score: scoreOf(row),
                averageSeconds: averageMs === undefined ? undefined : averageMs / 1_000,
                longestSeconds: longestMs === undefined ? undefined : longestMs / 1_000,
              }),
            })),
          },
        }
      },
    }),

    defineRoute({
      method: 'GET',
      path: '/reports/population',
      summary: 'Who left or moved in a span of time, by source',
      allow: READERS,
      query,
      answers: {
        200: {
          description: 'Cases by their opening',
          schema: z.object({
            ...span,
            sources: z.array(
              z.object({
                sourceId: z.string(),
                leavers: z.int(),
                movers: z.int(),
                forCause: z.int(),
                open: z.int(),
              }),
            ),
          }),
        },
      },
      handle: async ({ query: asked }) => {
        const { from, until } = spanOf(asked, clock.now())
        const sources = await reports.population({ from, until })
        return { status: 200, json: { from: iso(from), until: iso(until), sources } }
      },
    }),
  ]
}

function spanOf(asked: z.infer<typeof query>, now: Instant): { from: Instant; until: Instant } {
  const until = asked.until === undefined ? now : Date.parse(asked.until)
  const from = asked.from === undefined ? until - 30 * DAY : Date.parse(asked.from)
  if (from >= until || until - from > LONGEST_MS) {
    throw invalid([{ pointer: '/from', message: 'must be before `until`, by a year at most' }])
  }
  return { from, until }
}

/** Nothing that could count yet has no score. */
function scoreOf({
  proven,
  inTime,
  waived,
  overdue,
}: Pick<AppTimeliness, 'proven' | 'inTime' | 'waived' | 'overdue'>): number | undefined {
  const counted = proven + waived + overdue
  return counted === 0 ? undefined : Math.round((inTime / counted) * 1_000) / 1_000
}
