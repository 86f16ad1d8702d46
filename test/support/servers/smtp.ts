import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Mail {
  from: string
  to: string[]
  /** Header and text, as it came. */
  data: string
  /** `AUTH PLAIN` of the client, decoded. */
  auth: string
}

/** As much of an SMTP server (RFC 5321) as a client needs to hand over a mail. */
export async function smtpServer(): Promise<{
  port: number
  mails: Mail[]
  /** Answers MAIL with this instead of 250, e.g. `451 later`. */
  refuseWith(answer: string | undefined): void
  close(): Promise<void>
}> {
  const mails: Mail[] = []
  let refusal: string | undefined
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    let mail: Mail = { from: '', to: [], data: '', auth: '' }
    let inData = false
    say('220 test ESMTP')
    createInterface({ input: socket }).on('line', (line) => {
      if (inData) {
        if (line !== '.') {
          mail.data += `${line.replace(/^\.\./, '.')}\n`
          return
        }
        inData = false
        mails.push(mail)
        mail = { from: '', to: [], data: '', auth: mail.auth }
        return say('250 taken')
      }
      const path = /<([^>]*)>/.exec(line)?.[1] ?? ''
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'EHLO') return say('250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN')
      if (verb === 'AUTH') {
        mail.auth = Buffer.from(line.split(' ')[2] ?? '', 'base64').toString()
        return say('235 hello')
      }
      if (verb === 'MAIL') {
        if (refusal !== undefined) return say(refusal)
        mail.from = path
      }
      if (verb === 'RCPT') mail.to.push(path)
      if (verb === 'DATA') {
        inData = true
        return say('354 go on')
      }
      say(verb === 'QUIT' ? '221 bye' : '250 ok')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    refuseWith: (answer) => {
      refusal = answer
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
