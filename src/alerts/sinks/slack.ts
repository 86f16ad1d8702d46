import { detailLines, headline, type RunbookLink } from '../alert-text.ts'
import type { Sink } from '../sink.ts'
import type { SinkHttp } from '../sink-http.ts'

/** Longest text of a section block. */
const SECTION_CHARACTERS = 3_000

/**
 * An incoming webhook of Slack, or of what understands the same (Mattermost, Rocket.Chat, Discord's `/slack`). Such
 * webhooks know no key for duplicates: a delivery whose answer was lost may be shown twice.
 */
export function slackSink(
  { url }: { url: string },
  { http, link }: { http: SinkHttp; link: RunbookLink },
): Pick<Sink, 'deliver' | 'close'> {
  return {
    deliver: (event, signal) => {
      const text = escaped(headline(event))
      const details = detailLines(event, link)
        .map(([name, value]) => `*${name}*: ${escaped(value)}`)
        .join('\n')
      const section = (mrkdwn: string): object => ({
        type: 'section',
        text: { type: 'mrkdwn', text: mrkdwn.slice(0, SECTION_CHARACTERS) },
      })
      const body = JSON.stringify({ text, blocks: [section(`*${text}*`), section(details)] })
      return http.post({ url, headers: {}, body }, signal)
    },
    close: http.close,
  }
}

/** The three characters of Slack's own markup: no name may become a mention or a link. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
