import { BlockList, isIP } from 'node:net'

/** Tells whether an address lies in one of the networks. */
export type AddressList = (address: string) => boolean

/** Whether a text is CIDR, e.g. `203.0.113.0/24` or `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/')
  const family = isIP(address)
  return (
    more.length === 0 &&
    family !== 0 &&
    /^\d{1,3}$/.test(bits) &&
    +bits <= (family === 4 ? 32 : 128)
  )
}

/**
 * @param networks CIDR ranges; IPv4 ranges hold IPv4-mapped IPv6 addresses as well
 * @throws TypeError on a range that is not CIDR: a rule that cannot be read must not let everybody in
 */
export function addressList(networks: readonly string[]): AddressList {
  const list = new BlockList()
  for (const network of networks) {
    if (!isNetwork(network)) throw new TypeError('a network is not CIDR')
    const [address = '', bits = ''] = network.split('/')
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }
  return (address) => {
    // A link-local address may come with its zone: fe80::1%eth0.
    const [plain = ''] = address.split('%')
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6')
  }
}
