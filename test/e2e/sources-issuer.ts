import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** An identity provider that signs, with its key set over HTTP. */
export async function startIssuer() {
  const make = async (kid: string) => ({ kid, ...(await generateKeyPair('RS256')) })
  let key = await make('k1')
  let answer: 'keys' | 'error' | 'redirect' | 'large' = 'keys'
  let asked = 0
  const server = createServer(async (_, response) => {
    asked++
    if (answer === 'error') response.writeHead(500).end('{}')
    else if (answer === 'redirect') response.writeHead(302, { location: '/other' }).end()
    else if (answer === 'large') response.end(`{"keys":[],"x":"${'x'.repeat(400_000)}"}`)
    else {
      const jwk = { ...(await exportJWK(key.publicKey)), kid: key.kid, use: 'sig', alg: 'RS256' }
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify({ keys: [jwk] }))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    jwksUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    asked: () => asked,
    answers: (how: typeof answer) => {
      answer = how
    },
    rotate: async (kid: string) => {
      key = await make(kid)
    },
    publicJwk: async () => ({ ...(await exportJWK(key.publicKey)), kid: key.kid, alg: 'RS256' }),
    sign: (claims: JWTPayload, kid = key.kid): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(key.privateKey),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
