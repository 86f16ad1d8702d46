import type { Router } from 'express'
import { z } from 'zod'
import { EVERYBODY } from './access.ts'
import { type AlertsParts, alertRoutes } from './alerts.ts'
import { type ApiTokensParts, apiTokenRoutes } from './api-tokens.ts'
import { type ApprovalsParts, approvalRoutes } from './approvals.ts'
import { type AppsParts, appRoutes } from './apps.ts'
import { type AuditParts, auditRoutes } from './audit.ts'
import { type ConnectorsParts, connectorRoutes } from './connectors.ts'
import { docsPage } from './docs-page.ts'
import { type EventsParts, eventRoutes } from './events.ts'
import { type ExemptionsParts, exemptionRoutes } from './exemptions.ts'
import { type GroupsParts, groupRoutes } from './groups.ts'
import { type LeavesParts, leaveRoutes } from './leaves.ts'
import { type LedgerPort, ledgerRoutes } from './ledger.ts'
import { type LinksParts, linkRoutes } from './links.ts'
import { type OffboardingAmendParts, offboardingAmendRoutes } from './offboarding-amend.ts'
import { type OffboardingPreviewParts, offboardingPreviewRoutes } from './offboarding-preview.ts'
import { type OffboardingsParts, offboardingRoutes } from './offboardings.ts'
import { openApi } from './openapi.ts'
import { PAGE_POLICY } from './page.ts'
import { type ReportsParts, reportRoutes } from './reports.ts'
import { type RevocationActsParts, revocationActRoutes } from './revocation-acts.ts'
import { type RevocationsParts, revocationRoutes } from './revocations.ts'
import { defineRoute, type Route } from './route.ts'
import { createRouter, type RouterParts } from './router.ts'
import { type SourcesParts, sourceRoutes } from './sources.ts'
import { type StatusParts, statusRoutes } from './status.ts'
import { type StormsParts, stormRoutes } from './storms.ts'
import { type TimelineParts, timelineRoutes } from './timeline.ts'
import { type UsersParts, userRoutes } from './users.ts'

/** What the resources need, in one flat object. Each names its own part of it at the top of its file. */
export type ApiResources = Omit<SourcesParts, 'authenticator'> & {
  sourceAuthenticator: SourcesParts['authenticator']
} & AppsParts &
  ConnectorsParts &
  Omit<UsersParts, 'sources'> &
  OffboardingsParts &
  AlertsParts &
  RevocationsParts &
  RevocationActsParts &
  ApprovalsParts &
  EventsParts &
  ExemptionsParts &
  GroupsParts &
  LeavesParts &
  LinksParts &
  OffboardingAmendParts &
  OffboardingPreviewParts &
  ReportsParts &
  StatusParts &
  StormsParts &
  TimelineParts &
  AuditParts & { ledger: LedgerPort; apiTokens: ApiTokensParts['tokens'] } & Pick<
    ApiTokensParts,
    'standing'
  >

/** Every operation of /api/v1. */
export function apiRoutes(resources: ApiResources): Route[] {
  const routes = [
    ...sourceRoutes({ ...resources, authenticator: resources.sourceAuthenticator }),
    ...connectorRoutes(resources),
    ...appRoutes(resources),
    ...userRoutes(resources),
    ...offboardingRoutes(resources),
    ...offboardingAmendRoutes(resources),
    ...leaveRoutes(resources),
    ...revocationRoutes(resources),
    ...revocationActRoutes(resources),
    ...approvalRoutes(resources),
    ...auditRoutes(resources),
    ...eventRoutes(resources),
    ...exemptionRoutes(resources),
    ...groupRoutes(resources),
    ...linkRoutes(resources),
    ...offboardingPreviewRoutes(resources),
    ...reportRoutes(resources),
    ...statusRoutes(resources),
    ...stormRoutes(resources),
    ...timelineRoutes(resources),
    ...alertRoutes(resources),
    ...ledgerRoutes(resources),
    ...apiTokenRoutes({ ...resources, tokens: resources.apiTokens }),
  ]
  routes.push(...description(routes, resources.publicUrl))
  return routes
}

/** The router of /api/v1. Mount it there, behind `requestLog`. */
export function createApiRouter(resources: ApiResources, parts: RouterParts): Router {
  return createRouter(apiRoutes(resources), parts)
}

/** Public: it says what any hub of this version can do, and nothing of this one but its address. */
function description(routes: readonly Route[], publicUrl: string): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This API as OpenAPI 3.1',
      allow: EVERYBODY,
      public: true,
      answers: {
        200: { description: 'The document', schema: z.record(z.string(), z.unknown()) },
      },
      handle: async () => ({ status: 200, json: openApi(routes, publicUrl) }),
    }),
    defineRoute({
      method: 'GET',
      path: '/docs',
      summary: 'This API as a page to read',
      allow: EVERYBODY,
      public: true,
      answers: { 200: { description: 'HTML without scripts', mediaType: 'text/html' } },
      handle: async () => ({
        status: 200,
        content: docsPage(openApi(routes, publicUrl)),
        headers: { 'Content-Security-Policy': PAGE_POLICY },
      }),
    }),
  ]
}
