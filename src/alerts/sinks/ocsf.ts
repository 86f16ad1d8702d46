import { appendFile } from 'node:fs/promises'
import type { AlertEvent } from '../alert-event.ts'
import { headline, type RunbookLink } from '../alert-text.ts'
import type { Sink } from '../sink.ts'
import type { SinkHttp } from '../sink-http.ts'

/** Detection Finding of the category Findings. */
const CLASS_UID = 2004
const CATEGORY_UID = 2
const ACTIVITY = { opened: { id: 1, name: 'Create' }, resolved: { id: 3, name: 'Close' } } as const
const SEVERITY = {
  warning: { id: 3, name: 'Medium' },
  critical: { id: 5, name: 'Critical' },
} as const
const STATUS = { opened: { id: 1, name: 'New' }, resolved: { id: 4, name: 'Resolved' } } as const

/**
 * An event for a SIEM. `metadata.uid` is the same at every try, `finding_info.uid` the same for an alert's opening and
 * its end.
 *
 * @see https://schema.ocsf.io/1.3.0/classes/detection_finding
 */
export function ocsfEvent(event: AlertEvent, link: RunbookLink, version: string): object {
  const { kind, alert, at } = event
  const activity = ACTIVITY[kind]
  const severity = SEVERITY[alert.severity]
  const status = STATUS[kind]
  return {
    activity_id: activity.id,
    activity_name: activity.name,
    category_uid: CATEGORY_UID,
    category_name: 'Findings',
    class_uid: CLASS_UID,
    class_name: 'Detection Finding',
    type_uid: CLASS_UID * 100 + activity.id,
    type_name: `Detection Finding: ${activity.name}`,
    time: at,
    severity_id: severity.id,
    severity: severity.name,
    status_id: status.id,
    status: status.name,
    message: headline(event),
    metadata: {
      version: '1.3.0',
      uid: event.id,
      product: { name: 'Quittance', vendor_name: 'Quittance', version },
    },
    finding_info: {
      uid: alert.id,
      title: alert.title,
      types: [alert.rule],
      created_time: alert.firstAt,
      modified_time: at,
      analytic: { type_id: 1, type: 'Rule', name: alert.rule, uid: alert.rule },
    },
    remediation: { desc: `See ${link(alert.rule)}`, references: [link(alert.rule)] },
    resources: Object.entries(alert.about).map(([type, uid]) => ({ type, uid })),
    unmapped: { ...alert.facts, count: alert.count, owners: [...(alert.owners ?? [])] },
  }
}

interface OcsfParts {
  link: RunbookLink
  version: string
}

/** Posts each event as JSON, e.g. to an HTTP collector of a SIEM. */
export function ocsfSink(
  { url, authorization }: { url: string; authorization: string | undefined },
  { http, link, version }: OcsfParts & { http: SinkHttp },
): Pick<Sink, 'deliver' | 'close'> {
  return {
    deliver: (event, signal) =>
      http.post(
        {
          url,
          headers: authorization === undefined ? {} : { authorization },
          body: JSON.stringify(ocsfEvent(event, link, version)),
        },
        signal,
      ),
    close: http.close,
  }
}

/** Appends each event as one line (NDJSON) to a file that a forwarder follows. */
export function ocsfFileSink(
  { path }: { path: string },
  { link, version }: OcsfParts,
): Pick<Sink, 'deliver' | 'close'> {
  return {
    deliver: async (event) => {
      try {
        // One write of one line: several processes may append to the same file.
        await appendFile(path, `${JSON.stringify(ocsfEvent(event, link, version))}\n`, {
          mode: 0o640,
          flush: true,
        })
        return { kind: 'delivered' }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        return {
          kind: 'failed',
          reason: `the file cannot be written (${code ?? 'unknown reason'})`,
        }
      }
    },
    close: async () => {},
  }
}
