import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A time-stamping authority: `openssl ts` behind HTTP, with a root of its own. */
export async function startTimestampAuthority(key: 'rsa:2048' | 'ec' = 'ec') {
  const directory = mkdtempSync(join(tmpdir(), 'quittance-tsa-'))
  const path = (name: string): string => join(directory, name)
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  }
  const newKey = key === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : [key]
  writeFileSync(
    path('tsa.cnf'),
    `[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[leaf]
basicConstraints=CA:FALSE
extendedKeyUsage=critical,timeStamping
[tsa]
default_tsa=t
[t]
serial=${path('serial')}
crypto_device=builtin
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256
accuracy=secs:1
tsa_name=yes
ess_cert_id_chain=no
ess_cert_id_alg=sha256
`,
  )
  writeFileSync(path('serial'), '01')
  const config = ['-config', path('tsa.cnf')]
  openssl(
    'req', '-x509', '-newkey', ...newKey, '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem',
    '-subj', '/CN=Test Root', '-days', '3', '-extensions', 'ca', ...config,
  ) // biome-ignore format: one command
  openssl(
    'req',
    '-newkey',
    ...newKey,
    '-nodes',
    '-keyout',
    'tsa.key',
    '-out',
    'tsa.csr',
    '-subj',
    '/CN=Test TSA',
    ...config,
  )
  openssl(
    'x509',
    '-req',
    '-in',
    'tsa.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'tsa.pem',
    '-days',
    '2',
    '-extfile',
    'tsa.cnf',
    '-extensions',
    'leaf',
  )
  /** The answer to a query. */
  const answer = (query: Buffer): Buffer => {
    writeFileSync(path('query'), query)
    openssl(
      'ts',
      '-reply',
      '-queryfile',
      'query',
      '-signer',
      'tsa.pem',
      '-inkey',
      'tsa.key',
      '-out',
      'reply',
      ...config,
    )
    return readFileSync(path('reply'))
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const right = request.headers['content-type'] === 'application/timestamp-query'
      response.writeHead(right ? 200 : 415, { 'content-type': 'application/timestamp-reply' })
      response.end(right ? answer(Buffer.concat(chunks)) : '')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    answer,
    /** PEM of the root, and of the authority itself. */
    root: readFileSync(path('ca.pem')),
    certificate: readFileSync(path('tsa.pem')),
    stop: async () => {
      await new Promise((resolve) => server.close(resolve))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
