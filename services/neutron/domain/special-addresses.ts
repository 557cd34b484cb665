// Special-purpose addresses, which no host, gateway or DHCP subnet can have. Pure.
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
).map(([use, text]) => [use, parseCidr(text) as Cidr]); // constants that parse

/**
 * The special use of an address or of a prefix as a whole; undefined: hosts may have it. The
 * default route (/0) is in none of them.
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

/** The special use of any part of the prefix; undefined: none has one. */
export function specialUseWithin(cidr: Cidr): SpecialUse | undefined {
  return prefixes.find(([, special]) => cidrsOverlap(special, cidr))?.[0];
}

/** An address that can be no packet's source, and no destination behind a next hop. */
export function isNoHost(text: string): boolean {
  const use = specialUseOf(text);
  return use !== undefined && use !== 'link-local';
}
