import { type CallContext, ConnectorError, defineConnector } from '#connector-sdk'
import {
  type EnterpriseConfig,
  type GithubConfig,
  githubConfig,
  type OrganizationConfig,
} from './config.ts'
import * as enterprise from './enterprise.ts'
import * as organization from './organization.ts'

/** Members of a GitHub organization, or managed users of an enterprise. */
export default defineConnector<GithubConfig>({
  manifest: {
    id: 'github',
    version: '1.0.0',
    title: 'GitHub',
    configSchema: githubConfig,
    secrets: {
      token: {
        title: 'Token that may remove members (or manage users)',
        required: true,
        inHeader: true,
      },
      witnessToken: { title: 'Token that may only read', required: false, inHeader: true },
    },
    facets: [...enterprise.enterpriseFacets, ...organization.organizationFacets],
    // GitHub asks to make writes one after the other.
    limits: { concurrency: 2, perSecond: 5, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: (config) =>
    isOrganization(config) ? organization.facetsOf(config) : enterprise.enterpriseFacets,

  test: (call) => (inOrganization(call) ? organization.test(call) : enterprise.test(managed(call))),

  correlate: (subject, call) =>
    inOrganization(call)
      ? organization.correlate(subject, call)
      : enterprise.correlate(subject, managed(call)),

  list: (facet, of, cursor, call) =>
    inOrganization(call)
      ? organization.list(facet, of, cursor, call)
      : enterprise.list(facet, of, cursor, managed(call)),

  revoke: (handle, call) =>
    inOrganization(call)
      ? organization.revoke(handle, call)
      : enterprise.revoke(handle, managed(call)),

  observe: (handle, call) =>
    inOrganization(call)
      ? organization.observe(handle, call)
      : enterprise.observe(handle, managed(call)),

  restore: async (handle, undo, call) => {
    if (!inOrganization(call)) return enterprise.restore(handle, undo, managed(call))
    throw new ConnectorError('unsupported', 'a member can only be invited again')
  },
})

const isOrganization = (config: GithubConfig): config is OrganizationConfig =>
  config.target.kind === 'organization'

const inOrganization = (
  call: CallContext<GithubConfig>,
): call is CallContext<OrganizationConfig> & CallContext<GithubConfig> =>
  isOrganization(call.config)

const managed = (call: CallContext<GithubConfig>): CallContext<EnterpriseConfig> =>
  call as CallContext<EnterpriseConfig>
