// IPv6 addresses as Nova keeps them: in their shortest form (RFC 5952), however they were written.
// Pure.
import { SocketAddress } from 'node:net';

/** `address` is valid: the body's schema proved it. */
export function shortIpv6(address: string | null): string | null {
  return address === null || address === ''
    ? address
    : new SocketAddress({ address, family: 'ipv6' }).address;
}
