// Addresses that no host, gateway or DHCP subnet can have. Pure.
// https://www.iana.org/assignments/iana-ipv4-special-registry
import type { Cidr } from './ip.ts';
import { cidrsOverlap, parseCidr } from './ip.ts';

export type SpecialUse = 'multicast' | 'loopback' | 'unspecified' | 'broadcast' | 'link-local';

const prefixes: readonly (readonly [SpecialUse, Cidr])[] = (
  [
    ['multicast', '224.0.0.0/4'],
    ['multicast', 'ff00::/8'],
    ['loopback', '127.0.0.0/8'],
    ['loopback', '::1/128'],
    ['unspecified', '0.0.0.0/8'],
    ['unspecified', '::/128'],
    ['broadcast', '255.255.255.255/32'],
    ['link-local', '169.254.0.0/16'],
    ['link-local', 'fe80::/10'],
  ] as const
).map(([use, text]) => [use, parseCidr(text) as Cidr]); // constants: they parse

/**
 * What the whole of an address or prefix is for; undefined: hosts may have it. The default route is
 * none of these.
 */
export function specialUseOf(text: string): SpecialUse | undefined {
  const cidr = parseCidr(text);
  return (
    cidr &&
    prefixes.find(
      ([, special]) =>
        special.version === cidr.version &&
        special.first <= cidr.first &&
        cidr.last <= special.last,
    )?.[0]
  );
}

/** What a part of the prefix is for. */
export function specialUseWithin(cidr: Cidr): SpecialUse | undefined {
  return prefixes.find(([, special]) => cidrsOverlap(special, cidr))?.[0];
}

/** No packet comes from or goes to such an address by way of a neighbour. */
export function isNoHost(text: string): boolean {
  const use = specialUseOf(text);
  return use !== undefined && use !== 'link-local';
}
