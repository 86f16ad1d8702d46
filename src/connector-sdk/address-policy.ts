import ipaddr from 'ipaddr.js'

/** Says why an address may not be reached; undefined when it may. */
export type AddressPolicy = (address: string, options: { encrypted: boolean }) => string | undefined

/**
 * Where clouds hand out credentials of the machine: no app lives there, so no allow-list opens them.
 * AWS/GCP/Azure/Oracle, AWS and GCP over IPv6, ECS and EKS roles, Alibaba, Azure's wire server, Oracle Classic.
 */
const METADATA = new Set([
  '169.254.169.254',
  'fd00:ec2::254',
  'fd20:ce::254',
  '169.254.170.2',
  '169.254.170.23',
  'fd00:ec2::23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
])

const OUTSIDE =
  'outside the allowed networks; set allowNetworks of this app, e.g. ["127.0.0.0/8"] for this machine'

/**
 * Public unicast addresses may be reached over TLS. Every other one (private, loopback, link-local, CGNAT,
 * mapped, translated, documentation …), and plain HTTP anywhere, only inside `allowNetworks`.
 *
 * @param allowNetworks CIDR ranges, e.g. `10.2.0.0/16`
 * @throws TypeError on a range that is not CIDR
 */
export function addressPolicy(allowNetworks: readonly string[]): AddressPolicy {
  const allowed = allowNetworks.map(cidr)
  return (text, { encrypted }) => {
    if (!ipaddr.isValid(text)) return 'not an IP address'
    const address = ipaddr.process(text)
    if (METADATA.has(address.toString()) || METADATA.has(embeddedV4(address) ?? '')) {
      return 'cloud metadata address'
    }
    const isAllowed = allowed.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    )
    if (isAllowed) return undefined
    const range = isV4Compatible(address) ? 'deprecated' : address.range()
    if (range !== 'unicast') return `${range} address ${OUTSIDE}`
    if (!encrypted) return `plain HTTP ${OUTSIDE}`
    return undefined
  }
}

function cidr(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  try {
    return ipaddr.parseCIDR(range)
  } catch (error) {
    throw new TypeError(`not a CIDR range: ${range}`, { cause: error })
  }
}

/** ::/96, IPv4-compatible addresses (RFC 4291 §2.5.5.1): ipaddr.js takes them for unicast. */
function isV4Compatible(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address instanceof ipaddr.IPv6 && address.parts.slice(0, 6).every((part) => part === 0)
}

/** The IPv4 address behind a NAT64 or 6to4 address: such a gateway would lead to it. */
function embeddedV4(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  if (address instanceof ipaddr.IPv4) return undefined
  const [high, low] =
    address.range() === '6to4'
      ? [address.parts[1], address.parts[2]]
      : [address.parts[6], address.parts[7]]
  if (high === undefined || low === undefined) return undefined
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
