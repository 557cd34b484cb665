// Prefixes of a subnet pool, and free subnets within them. Pure.
// https://docs.openstack.org/api-ref/network/v2/#subnet-pools-extension-subnetpools
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Cidr } from './ip.ts';
import { cidrOf, cidrsOverlap, formatCidr, parseCidr } from './ip.ts';

const refuse = (type: string, message: string) => fault('badRequest', message, { type });

/**
 * Prefixes in ascending order, adjacent ones merged: `["10.0.0.0/9", "10.128.0.0/9"]` becomes
 * `["10.0.0.0/8"]`. Refused if they are of different IP families.
 */
export function mergePrefixes(
  texts: readonly string[],
): Outcome<{ version: 4 | 6; prefixes: string[] }> {
  const cidrs: Cidr[] = [];
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (!cidr)
      return refuse(
        'InvalidInput',
        `Invalid input for operation: '${text}' is not a valid IP subnet.`,
      );
    cidrs.push(cidr);
  }
  const [first] = cidrs;
  if (!first) return refuse('EmptySubnetPoolPrefixList', 'Empty subnet pool prefix list.');
  if (cidrs.some(({ version }) => version !== first.version))
    return refuse('PrefixVersionMismatch', 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.');
  let merged = cidrs
    .sort((a, b) => (a.first === b.first ? a.length - b.length : a.first < b.first ? -1 : 1))
    .filter(
      (cidr, index, all) =>
        !all.slice(0, index).some((wider) => wider.first <= cidr.first && cidr.last <= wider.last),
    );
  for (let joined = true; joined;) {
    joined = false;
    for (const [index, left] of merged.entries()) {
      const right = merged[index + 1];
      const whole = left.length > 0 ? cidrOf(left.first, left.length - 1, left.version) : left;
      if (
        !right ||
        right.length !== left.length ||
        whole.first !== left.first ||
        whole.last !== right.last
      )
        continue;
      merged = [...merged.slice(0, index), whole, ...merged.slice(index + 2)];
      joined = true;
      break;
    }
  }
  return { version: first.version, prefixes: merged.map(formatCidr) };
}

export interface PrefixLengths {
  default_prefixlen: number;
  min_prefixlen: number;
  max_prefixlen: number;
}

export function checkPrefixLengths(
  { default_prefixlen, min_prefixlen, max_prefixlen }: PrefixLengths,
  version: 4 | 6,
): Outcome<void> {
  const widest = version === 4 ? 32 : 128;
  const illegal = (name: string, value: number, base: string, limit: number) =>
    refuse(
      'IllegalSubnetPoolPrefixBounds',
      `Illegal prefix bounds: ${name}=${value}, ${base}=${limit}.`,
    );
  if (max_prefixlen > widest)
    return refuse(
      'IllegalSubnetPoolPrefixBounds',
      `Illegal prefix bounds: max_prefixlen=${max_prefixlen}, ip_version=${version}.`,
    );
  if (min_prefixlen > max_prefixlen)
    return illegal('min_prefixlen', min_prefixlen, 'max_prefixlen', max_prefixlen);
  if (default_prefixlen < min_prefixlen)
    return illegal('default_prefixlen', default_prefixlen, 'min_prefixlen', min_prefixlen);
  if (default_prefixlen > max_prefixlen)
    return illegal('default_prefixlen', default_prefixlen, 'max_prefixlen', max_prefixlen);
  return undefined;
}

/** The first free subnet of this prefix length in the pool; undefined: there is none. */
export function firstFree(
  prefixes: readonly string[],
  allocatedCidrs: readonly string[],
  length: number,
): string | undefined {
  const used = allocatedCidrs
    .flatMap((text) => parseCidr(text) ?? [])
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  for (const prefix of prefixes) {
    const pool = parseCidr(prefix);
    if (!pool || length < pool.length) continue;
    for (let at = pool.first; at <= pool.last;) {
      const candidate = cidrOf(at, length, pool.version);
      const inWay = used.find((other) => cidrsOverlap(other, candidate));
      if (!inWay) return formatCidr(candidate);
      // Continue behind the subnet in the way, aligned to this prefix length.
      const next = (inWay.last > candidate.last ? inWay.last : candidate.last) + 1n;
      const size = candidate.last - candidate.first + 1n;
      at = ((next + size - 1n) / size) * size;
    }
  }
  return undefined;
}

/** Whether the subnet lies wholly in the pool and overlaps no subnet allocated from it. */
export function isFreeIn(
  prefixes: readonly string[],
  allocatedCidrs: readonly string[],
  cidr: Cidr,
): boolean {
  const inside = prefixes
    .flatMap((prefix) => parseCidr(prefix) ?? [])
    .some(
      (pool) => pool.version === cidr.version && pool.first <= cidr.first && cidr.last <= pool.last,
    );
  return (
    inside &&
    !allocatedCidrs
      .flatMap((text) => parseCidr(text) ?? [])
      .some((other) => cidrsOverlap(other, cidr))
  );
}
