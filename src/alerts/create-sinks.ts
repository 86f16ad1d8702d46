import { assertNever } from '../shared/assert-never.ts'
import type { Clock } from '../shared/clock.ts'
import type { AlertEvent } from './alert-event.ts'
import { type RunbookLink, runbookLink } from './alert-text.ts'
import type { Sink } from './sink.ts'
import { createSinkHttp, type SinkHttp } from './sink-http.ts'
import type { SinkSetting, SinkSettings } from './sink-settings.ts'
import { emailSink } from './sinks/email.ts'
import { ocsfFileSink, ocsfSink } from './sinks/ocsf.ts'
import { slackSink } from './sinks/slack.ts'
import { syslogSink } from './sinks/syslog.ts'
import { webhookSink } from './sinks/webhook.ts'

/** Every place where alerts go, as the settings say. Opens no connection yet. */
export function createSinks(
  settings: SinkSettings,
  { clock, version }: { clock: Clock; version: string },
): Sink[] {
  const link = runbookLink(settings.runbookUrl)
  return settings.sinks.map((one) => ({
    id: one.id,
    wants: (event) => wants(one, event),
    ...sinkOf(one, { link, clock, version }),
  }))
}

function wants(
  { id, severity, rules, resolved }: SinkSetting,
  { kind, alert }: AlertEvent,
): boolean {
  // What a sink does not take, it cannot be told by itself.
  if (alert.about.sinkId === id) return false
  if (kind === 'resolved' && !resolved) return false
  if (severity === 'critical' && alert.severity !== 'critical') return false
  return rules === undefined || rules.includes(alert.rule)
}

function sinkOf(
  one: SinkSetting,
  parts: { link: RunbookLink; clock: Clock; version: string },
): Pick<Sink, 'deliver' | 'close'> {
  const { secret = '' } = one
  const http = (secrets: readonly string[]): SinkHttp =>
    createSinkHttp({ ...one, secrets, clock: parts.clock })
  switch (one.kind) {
    case 'webhook':
      return webhookSink({ url: one.url, secret }, { ...parts, http: http([secret]) })
    case 'slack':
      return slackSink({ url: secret }, { ...parts, http: http([secret]) })
    case 'email':
      return emailSink({ ...one, user: one.user, password: one.secret }, parts)
    case 'syslog':
      return syslogSink(one, parts)
    case 'ocsf':
      return ocsfSink(
        { url: one.url, authorization: one.secret },
        { ...parts, http: http(one.secret === undefined ? [] : [one.secret]) },
      )
    case 'ocsf-file':
      return ocsfFileSink(one, parts)
    default:
      return assertNever(one)
  }
}
