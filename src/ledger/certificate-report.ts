import { assertNever } from '../shared/assert-never.ts'
import { type Instant, iso } from '../shared/clock.ts'
import type { CertificateMaterial } from './certificate.ts'
import { type Ending, isEnding, isRemark, type Remark } from './completeness.ts'
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
expected.json           everything the case had to revoke; the opening entry, or the last amendment, commits to it
disclosures.json        personal data and evidence that the entries commit to
manifest.json, .jws     the list of files and the hub's signature on it
report.html             a summary for people; NOT EVIDENCE
`
}

interface Row {
  app: string
  facet: string
  state: 'OPEN' | 'PROVEN' | 'WAIVED' | 'SUPERSEDED'
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
  const endings = new Map(
    bodies.flatMap(({ index, body }) =>
      isEnding(body) ? [[body.revocation, { index, body }] as const] : [],
    ),
  )
  const remarks = new Map(
    bodies.flatMap(({ body }) =>
      isRemark(body) ? [[body.revocation, remarkText(body)] as const] : [],
    ),
  )
  const rows = material.expected.map((item): Row => {
    const ending = endings.get(item.revocation)
    const remark = remarks.get(item.revocation)
    const app = material.names.apps.get(item.app) ?? item.app
    if (ending === undefined) {
      return { app, facet: item.facet, state: 'OPEN', detail: remark ?? '', at: '', entry: '' }
    }
    const { index, body } = ending
    const { state, detail } = describe(body)
    const all = remark === undefined ? detail : `${detail}; ${remark}`
    return { app, facet: item.facet, state, detail: all, at: body.at, entry: String(index) }
  })
  const amended = bodies.flatMap(({ index, body }) => {
    if (body.type !== 'offboarding.amended') return []
    const app = material.names.apps.get(body.app) ?? body.app
    return [term('Added', `${app}, ${body.at}, log entry ${index}`)]
  })
  const open = rows.filter((row) => row.state === 'OPEN').length
  const status = closed
    ? 'Closed: every expected revocation has its entry.'
    : `OPEN: ${open} of ${rows.length} revocations are not proved yet.`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Offboarding ${escaped(material.offboardingId)}</title>
<style>${STYLE}</style></head><body>
<h1>Certificate of offboarding</h1>
<p class="status ${closed ? 'closed' : 'open'}">${escaped(status)}</p>
<dl>
${term('Person', material.names.subject ?? '(erased)')}
${term('Case', material.offboardingId)}
${term('Log', `${material.origin}, ${material.checkpoint.size} entries`)}
${[...amended, term('Made', iso(createdAt))].join('\n')}
</dl>
<h2>What had to be revoked</h2>
<table>
<thead>${line(['Application', 'Access', 'State', 'Detail', 'Sealed', 'Log entry'], 'th')}</thead>
<tbody>
${rows.map((r) => line([r.app, r.facet, r.state, r.detail, r.at, r.entry], 'td', r.state)).join('\n')}
</tbody>
</table>
<p class="note"><strong>This page is not evidence.</strong> It is a summary for people. The proof is in the other
files: run <code>quittance verify</code> on the archive.</p>
</body></html>
`
}

/** Readable on a screen and on paper; says with words, not with colours alone, what the state is. */
const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2.5rem auto;padding:0 1.5rem;color:#1b1f24;background:#fff}
h1{font-size:1.7rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.status{font-size:1.1rem;font-weight:600;border-left:.4rem solid;padding:.7rem 1rem}
.closed{border-color:#1a7f37;background:#dafbe1}.open{border-color:#cf222e;background:#ffebe9}
dl{display:grid;grid-template-columns:6rem 1fr;gap:.2rem 1rem}dt{color:#59636e}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}thead th{color:#59636e;font-weight:600;font-size:.85rem}
th,td{text-align:left;padding:.45rem .7rem;border-bottom:1px solid #d0d7de;vertical-align:top}
td:nth-child(3){font-weight:600}td:nth-child(5){font-variant-numeric:tabular-nums;white-space:nowrap}td:nth-child(6),th:nth-child(6){text-align:right}
.PROVEN td:nth-child(3){color:#1a7f37}.OPEN td:nth-child(3){color:#cf222e}.WAIVED td:nth-child(3){color:#9a6700}
.note{border:1px solid #d4a72c;background:#fff8c5;padding:.6rem 1rem;margin-top:2rem}
@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}`

const term = (name: string, value: string): string =>
  `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`

const line = (values: readonly string[], tag: 'td' | 'th', state?: Row['state']): string =>
  `<tr${state === undefined ? '' : ` class="${state}"`}>${values.map((v) => `<${tag}>${escaped(v)}</${tag}>`).join('')}</tr>`

function remarkText(body: Remark): string {
  switch (body.type) {
    case 'revocation.unverifiable':
      return 'acknowledged only: the application cannot be asked'
    case 'drift.detected':
      return `LIVE AGAIN at ${body.at}, see case ${body.reopened}`
    default:
      return assertNever(body)
  }
}

function describe(body: Ending): Pick<Row, 'state' | 'detail'> {
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
      return assertNever(body)
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
