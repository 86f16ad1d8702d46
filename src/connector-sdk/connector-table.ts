import type { Connector, FacetSpec } from './contract.ts'

/** Markdown: one line per connector and facet, from the manifests, so that documents cannot promise more. */
export function connectorTable(connectors: readonly Connector[]): string {
  const lines = connectors.flatMap(({ manifest }) => {
    const link = `[\`${manifest.id}\`](../connectors/${manifest.id}/README.md)`
    return merged(manifest.facets).map(
      ({ names, spec }) =>
        `| ${link} | ${manifest.title} | ${names} | ${spec.revoke} | ${spec.observe} | ${spec.enumerate} | ${undo(spec, names)} |`,
    )
  })
  const head = [
    '| connector | for | facets | revoke | read back | lists | can be undone |',
    '|---|---|---|---|---|---|---|',
  ]
  return `${[...head, ...lines].join('\n')}\n`
}

function undo({ reversible, undoNeeds, revoke }: FacetSpec, names: string): string {
  if (names === 'any' && revoke === 'api') return 'as configured'
  if (!reversible) return 'no'
  return undoNeeds === 'facts' ? 'yes, unless its answer was lost' : 'yes'
}

/** Facets that differ in nothing else share a line. */
function merged(facets: readonly FacetSpec[]): { names: string; spec: FacetSpec }[] {
  const groups = new Map<string, FacetSpec[]>()
  for (const spec of facets) {
    const { facet: _, before: __, ...rest } = spec
    const key = JSON.stringify(rest)
    groups.set(key, [...(groups.get(key) ?? []), spec])
  }
  return [...groups.values()].flatMap((group) => {
    const [spec] = group
    if (spec === undefined) return []
    const names = group.length > 4 ? 'any' : group.map(({ facet }) => `\`${facet}\``).join(', ')
    return [{ names, spec }]
  })
}
