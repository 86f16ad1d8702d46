import { type Instant, iso } from '../shared/clock.ts'
import type { CertificateMaterial } from './certificate.ts'
import { isEnding } from './completeness.ts'
import type { EntryBody } from './entries.ts'
import { readLeaf } from './leaf.ts'

/** What a person sees first in the archive. */
export function certificateReadme({
  offboardingId,
  origin,
  checkpoint,
}: CertificateMaterial): string {
  return `Quittance certificate of offboarding ${offboardingId}
Log ${origin}, ${checkpoint.size} entries

Verify it offline:      quittance verify <this file> --key <vkey of the log>
Get the vkey of the log by another way than this file: it decides whom you believe.

entries/*.json          what the log says, byte for byte
proofs/*.tlog-proof     that each entry is in the tree of the checkpoint (c2sp.org/tlog-proof)
checkpoint              the signed tree head (c2sp.org/tlog-checkpoint)
anchors/*.tsr           RFC 3161 time stamps of the checkpoint's text, if there are any
policy                  keys as the hub names them: a hint, not a reason to believe
expected.json           everything the case had to revoke; the opening entry commits to it
disclosures.json        personal data and evidence that the entries commit to
manifest.json, .jws     the list of files and the hub's signature on it
report.html             a summary for people; NOT EVIDENCE
`
}

interface Row {
  app: string
  facet: string
  state: string
  detail: string
  at: string
  entry: string
}

/** A summary for people. It says itself that it proves nothing. */
export function certificateReport(material: CertificateMaterial, createdAt: Instant): string {
  const bodies = material.entries.flatMap(({ index, leaf }) => {
    const read = readLeaf(leaf)
    return read.kind === 'leaf' ? [{ index, body: read.leaf.body }] : []
  })
  const closed = bodies.some(({ body }) => body.type === 'offboarding.closed')
  const rows = material.expected.map((item): Row => {
    const ending = bodies.find(({ body }) => isEnding(body) && body.revocation === item.revocation)
    const app = material.names.apps.get(item.app) ?? item.app
    if (ending === undefined) {
      return { app, facet: item.facet, state: 'OPEN', detail: '', at: '', entry: '' }
    }
    const { index, body } = ending
    return { app, facet: item.facet, ...describe(body), at: body.at, entry: String(index) }
  })
  const open = rows.filter((row) => row.state === 'OPEN').length
  const status = closed
    ? 'Closed: every expected revocation has its entry.'
    : `OPEN: ${open} of ${rows.length} revocations are not proved yet.`
  const head = ['Application', 'Access', 'State', 'Detail', 'Sealed', 'Log entry']
  const cells = (values: readonly string[], tag: string): string =>
    `<tr>${values.map((v) => `<${tag}>${escaped(v)}</${tag}>`).join('')}</tr>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Offboarding ${escaped(material.offboardingId)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
.note{border:2px solid #9a6700;background:#fff8c5;padding:.6rem 1rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d0d7de;vertical-align:top}</style></head><body>
<h1>Certificate of offboarding</h1>
<p class="note"><strong>This page is not evidence.</strong> It is a summary for people. The proof is in the other
files: run <code>quittance verify</code> on the archive.</p>
<p>${escaped(status)}</p>
<table>
${cells(['Person', material.names.subject ?? '(erased)'], 'td')}
${cells(['Case', material.offboardingId], 'td')}
${cells(['Log', `${material.origin}, ${material.checkpoint.size} entries`], 'td')}
${cells(['Made', iso(createdAt)], 'td')}
</table>
<h2>What had to be revoked</h2>
<table>
${cells(head, 'th')}
${rows.map((r) => cells([r.app, r.facet, r.state, r.detail, r.at, r.entry], 'td')).join('\n')}
</table></body></html>
`
}

function describe(body: EntryBody): { state: string; detail: string } {
  switch (body.type) {
    case 'revocation.verified': {
      const residual =
        body.residual_until === undefined
          ? ''
          : `; what was issued works until ${body.residual_until}`
      return { state: 'PROVEN', detail: `grade ${body.grade}, seen ${body.kind}${residual}` }
    }
    case 'revocation.waived':
      return {
        state: 'WAIVED',
        detail: `by ${body.approved_by.length} people until ${body.expires}`,
      }
    case 'revocation.superseded':
      return { state: 'SUPERSEDED', detail: body.reason }
    default:
      return { state: body.type, detail: '' }
  }
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
