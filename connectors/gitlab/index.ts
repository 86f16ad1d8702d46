import { type CallContext, defineConnector } from '#connector-sdk'
import { type GitlabConfig, type GroupConfig, gitlabConfig, type InstanceConfig } from './config.ts'
import * as group from './group.ts'
import * as instance from './instance.ts'

/** Users of a GitLab instance, or members of a group on GitLab.com. */
export default defineConnector<GitlabConfig>({
  manifest: {
    id: 'gitlab',
    version: '1.0.0',
    title: 'GitLab',
    configSchema: gitlabConfig,
    secrets: {
      token: {
        title: 'Token that may block users (or remove members)',
        required: true,
        inHeader: true,
      },
      witnessToken: { title: 'Token that may only read', required: false, inHeader: true },
    },
    // A group has `membership` alone, with the same facts.
    facets: instance.instanceFacets,
    limits: { concurrency: 4, perSecond: 8, timeoutMs: 15_000 },
    quarantineMs: 60_000,
    absenceIs: 'suspect',
  },

  facetsOf: (config) => (isInstance(config) ? instance.facetsOf(config) : group.groupFacets),

  test: (call) => (ofInstance(call) ? instance.test(call) : group.test(ofGroup(call))),

  correlate: (subject, call) =>
    ofInstance(call) ? instance.correlate(subject, call) : group.correlate(subject, ofGroup(call)),

  list: (facet, of, cursor, call) =>
    ofInstance(call)
      ? instance.list(facet, of, cursor, call)
      : group.list(facet, of, cursor, ofGroup(call)),

  revoke: (handle, call) =>
    ofInstance(call) ? instance.revoke(handle, call) : group.revoke(handle, ofGroup(call)),

  observe: (handle, call) =>
    ofInstance(call) ? instance.observe(handle, call) : group.observe(handle, ofGroup(call)),

  restore: (handle, undo, call) =>
    ofInstance(call)
      ? instance.restore(handle, undo, call)
      : group.restore(handle, undo, ofGroup(call)),
})

const isInstance = (config: GitlabConfig): config is InstanceConfig =>
  config.target.kind === 'instance'

const ofInstance = (
  call: CallContext<GitlabConfig>,
): call is CallContext<GitlabConfig> & CallContext<InstanceConfig> => isInstance(call.config)

const ofGroup = (
  call: CallContext<GitlabConfig>,
): CallContext<GitlabConfig> & CallContext<GroupConfig> =>
  call as CallContext<GitlabConfig> & CallContext<GroupConfig>
