// Chooses the addresses of a network for local hosts: a /24 that this machine does not use yet.
// Pure.
import { createHash } from 'node:crypto';

interface Range {
  first: number;
  last: number;
}

function rangeOf(cidr: string): Range | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr);
  if (!match) return null;
  const bytes = match.slice(1, 5).map(Number);
  const bits = Number(match[5] ?? 32);
  if (bytes.some((byte) => byte > 255) || bits > 32) return null;
  const size = 2 ** (32 - bits);
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}

const overlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;

/** Whether `text` is an IPv4 network of 8 to 29 bits, with no host bits set. */
export function isUsableCidr(text: string): boolean {
  const range = rangeOf(text);
  const [address = '', bits = ''] = text.split('/');
  return (
    range !== null &&
    Number(bits) >= 8 &&
    Number(bits) <= 29 &&
    rangeOf(address)?.first === range.first
  );
}

/**
 * The network `space`.4.0/24 (`space`: two bytes, e.g. `172.24`), unless a route of this machine
 * (`used`, CIDRs) overlaps it; then another /24, searched from a number derived from the state
 * folder. null: all are in use.
 */
export function chooseCidr(
  space: string,
  stateDir: string,
  used: readonly string[],
): string | null {
  const usedRanges = used.map(rangeOf).filter((range) => range !== null);
  const start = createHash('sha256').update(stateDir).digest().readUInt8(0);
  const candidates = [4, ...Array.from({ length: 256 }, (_, step) => (start + step) % 256)].map(
    (third) => `${space}.${third}.0/24`,
  );
  return (
    candidates.find((cidr) => {
      const range = rangeOf(cidr);
      return range !== null && !usedRanges.some((other) => overlap(range, other));
    }) ?? null
  );
}

/** The `number`th address of an IPv4 network: 172.24.4.0/24 and 1 give 172.24.4.1. */
export function addressIn(cidr: string, number: number): string {
  const address = (rangeOf(cidr)?.first ?? 0) + number;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
