// IPv4 and IPv6 addresses and prefixes as numbers, their canonical texts, and their order. Pure.
import { isIP } from 'node:net';

export type IpVersion = 4 | 6;

export interface Cidr {
  version: IpVersion;
  /** The first address of the prefix, the network address. */
  first: bigint;
  last: bigint;
  length: number;
}

const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128);

/** The family of an address; undefined: the text is no address. Zone ids are refused. */
export function ipVersion(text: string): IpVersion | undefined {
  const version = text.includes('%') ? 0 : isIP(text);
  return version === 4 || version === 6 ? version : undefined;
}

/** Throws unless `ipVersion` accepts the text. */
export function ipToNumber(text: string): bigint {
  const version = ipVersion(text);
  if (version === 4)
    return BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
  if (version !== 6) throw new Error(`${text} is no IP address`);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const whole = dotted
    ? `${dotted[1]}${(ipToNumber(dotted[2] ?? '') >> 16n).toString(16)}:${(ipToNumber(dotted[2] ?? '') & 0xffffn).toString(16)}`
    : text;
  const [head = '', tail] = whole.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].reduce(
    (sum, group) => (sum << 16n) | BigInt(`0x${group}`),
    0n,
  );
}

/** The canonical text; for IPv6 that of RFC 5952. */
export function numberToIp(value: bigint, version: IpVersion): string {
  if (version === 4)
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(16 * (7 - index))) & 0xffffn),
  );
  let [at, length] = [-1, 1]; // the first of the longest runs of two or more zeros
  for (let start = 0; start < 8; start += 1) {
    let end = start;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - start > length) [at, length] = [start, end - start];
    if (end > start) start = end;
  }
  const hex = groups.map((group) => group.toString(16));
  return at < 0
    ? hex.join(':')
    : `${hex.slice(0, at).join(':')}::${hex.slice(at + length).join(':')}`;
}

/** The address in its canonical spelling; a text that is no address is returned unchanged. */
export function canonicalIp(text: string): string {
  const version = ipVersion(text);
  return version === undefined
    ? text
    : version === 4
      ? text
      : numberToIp(ipToNumber(text), version);
}

/** The address in hex of fixed width, so that text order is address order. */
export function ipKey(value: bigint, version: IpVersion): string {
  return value.toString(16).padStart(version === 4 ? 8 : 32, '0');
}

/**
 * Parses a prefix: `10.0.0.7/24` -> 10.0.0.0/24. An address without a length counts as /32 (IPv6:
 * /128). undefined: the text is neither a prefix nor an address.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [ip = '', length, ...rest] = text.split('/');
  const version = ipVersion(ip);
  if (
    version === undefined ||
    rest.length > 0 ||
    (length !== undefined && !/^\d{1,3}$/.test(length))
  )
    return undefined;
  const bits = length === undefined ? bitsOf(version) : Number(length);
  return bits > bitsOf(version) ? undefined : cidrOf(ipToNumber(ip), bits, version);
}

export function cidrOf(address: bigint, length: number, version: IpVersion): Cidr {
  const hostBits = BigInt(bitsOf(version) - length);
  const first = (address >> hostBits) << hostBits;
  return { version, first, last: first + (1n << hostBits) - 1n, length };
}

export const formatCidr = ({ first, length, version }: Cidr): string =>
  `${numberToIp(first, version)}/${length}`;
export const cidrHas = (cidr: Cidr, address: bigint): boolean =>
  address >= cidr.first && address <= cidr.last;
export const cidrsOverlap = (a: Cidr, b: Cidr): boolean =>
  a.version === b.version && a.first <= b.last && b.first <= a.last;

/**
 * Whether a host may have the address: it is in the prefix, and neither the network nor the
 * broadcast address where there are such (not in /31 and /32; IPv6: see below).
 */
export function isHostAddress(cidr: Cidr, address: bigint): boolean {
  if (!cidrHas(cidr, address)) return false;
  if (cidr.version === 4)
    return cidr.length >= 31 || (address !== cidr.first && address !== cidr.last);
  // not the subnet-router anycast address, RFC 4291 2.6.1
  return cidr.length >= 127 || address !== cidr.first;
}

/** The address that a host with this MAC forms in a /64 by SLAAC. RFC 4291, appendix A. */
export function eui64(cidr: Cidr, mac: string): string {
  const bytes = mac.split(':').map((part) => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const id = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce(
    (sum, byte) => (sum << 8n) | BigInt(byte),
    0n,
  );
  return numberToIp(cidr.first | id, 6);
}
