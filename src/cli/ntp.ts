import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** Seconds between 1900, where NTP begins, and 1970. */
const NTP_EPOCH = 2_208_988_800
/** No leap warning, version 4, client. */
const FIRST_BYTE = 0b00_100_011
const TIMEOUT_MS = 3_000

/**
 * How far this machine's clock is ahead of a time server's, by one question.
 *
 * @param server host, or host:port; default port 123
 * @param now this machine's clock, in ms
 * @returns ms
 * @throws Error when no usable answer comes within three seconds
 * @see RFC 5905 §8, §14 (SNTP)
 */
export async function aheadOfTimeServer(server: string, now: () => number): Promise<number> {
  const [, host = server, port = '123'] = /^(.*?)(?::(\d+))?$/.exec(server) ?? []
  const socket = createSocket('udp4')
  try {
    const question = Buffer.alloc(48)
    question[0] = FIRST_BYTE
    const sent = now()
    writeTime(question, 40, sent)
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) })
    socket.send(question, Number(port), host)
    const [answer] = (await answered) as [Buffer]
    const received = now()
    const stratum = answer[1] ?? 0
    // Ours comes back as it was: another answer is to somebody else. Stratum 0: it does not know the time itself.
    const isOurs = answer.length >= 48 && answer.subarray(24, 32).equals(question.subarray(40, 48))
    if (!isOurs || stratum === 0) throw new Error(`${host} gave no usable time`)
    return (sent + received) / 2 - (readTime(answer, 32) + readTime(answer, 40)) / 2
  } finally {
    socket.close()
  }
}

function writeTime(buffer: Buffer, offset: number, ms: number): void {
  buffer.writeUInt32BE(Math.floor(ms / 1_000) + NTP_EPOCH, offset)
  buffer.writeUInt32BE(Math.floor(((ms % 1_000) / 1_000) * 2 ** 32), offset + 4)
}

function readTime(buffer: Buffer, offset: number): number {
  const seconds = buffer.readUInt32BE(offset) - NTP_EPOCH
  return (seconds + buffer.readUInt32BE(offset + 4) / 2 ** 32) * 1_000
}
