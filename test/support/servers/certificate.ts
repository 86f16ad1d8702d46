import { execFileSync } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes a self-signed certificate for `localhost` and 127.0.0.1 in a directory. @returns its paths and its PEM */
export function selfSigned(
  directory: string,
  uid?: number,
): { keyFile: string; certificateFile: string; ca: string } {
  const keyFile = join(directory, 'server.key')
  const certificateFile = join(directory, 'server.crt')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', keyFile, '-out', certificateFile, '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ],
    { stdio: 'pipe' },
  )
  if (uid !== undefined) for (const file of [keyFile, certificateFile]) chownSync(file, uid, uid)
  return { keyFile, certificateFile, ca: readFileSync(certificateFile, 'utf8') }
}
