// IPv6 addresses in their shortest form (RFC 5952), in which Nova stores them. Pure.
import { SocketAddress } from 'node:net';

/**
 * The address in its shortest form; null and '' stay as they are. Other addresses must be valid:
 * the request's schema sees to it.
 */
export function shortIpv6(address: string | null): string | null {
  return address === null || address === ''
    ? address
    : new SocketAddress({ address, family: 'ipv6' }).address;
}
