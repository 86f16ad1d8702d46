import { ConnectorError } from './contract.ts'

/**
 * An identifier as one segment of a URL path. `.` and `..` survive percent-encoding and would climb.
 *
 * @throws ConnectorError invalid for an empty id and for those two
 */
export function pathSegment(id: string): string {
  if (id === '' || id === '.' || id === '..') {
    throw new ConnectorError('invalid', 'this identifier cannot stand in a URL')
  }
  return encodeURIComponent(id)
}
