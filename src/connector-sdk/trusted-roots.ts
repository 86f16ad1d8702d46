import { rootCertificates } from 'node:tls'

/**
 * What `ca` of a TLS connection must be so that the operator's certificates count besides those that come with Node.js:
 * given alone, they would take their place.
 *
 * @param ca PEM certificates of the operator
 * @returns undefined without any: Node.js then trusts its own, and those of NODE_EXTRA_CA_CERTS
 */
export function trustedBesidesRoots(ca: string | undefined): string[] | undefined {
  return ca === undefined ? undefined : [...rootCertificates, ca]
}
