import { Webhook } from 'standardwebhooks'
import type { Clock } from '../../shared/clock.ts'
import { eventJson, type RunbookLink } from '../alert-text.ts'
import type { Sink } from '../sink.ts'
import type { SinkHttp } from '../sink-http.ts'

/** A webhook, signed so that the receiver can check who sent it. @see Standard Webhooks 1.0.0 */
export function webhookSink(
  { url, secret }: { url: string; secret: string },
  { http, link, clock }: { http: SinkHttp; link: RunbookLink; clock: Clock },
): Pick<Sink, 'deliver' | 'close'> {
  const signer = new Webhook(secret)
  return {
    deliver: (event, signal) => {
      const id = `msg_${event.id}`
      // The time of the try, not of the event: receivers refuse what is older than five minutes.
      const at = new Date(clock.now())
      const body = JSON.stringify(eventJson(event, link))
      return http.post(
        {
          url,
          headers: {
            'webhook-id': id,
            'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
            'webhook-signature': signer.sign(id, at, body),
          },
          body,
        },
        signal,
      )
    },
    close: http.close,
  }
}
