// Whose question it is, by the address it came from: on one network no two ports have the same. Pure.
import type { LocalGuest } from '#ports/host-network.ts';

/** `remoteAddress` as a socket of both families says it. null: no guest of this host and network. */
export function guestAt(remoteAddress: string, guests: readonly LocalGuest[]): LocalGuest | null {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '').toLowerCase();
  const found = guests.filter(({ ips, mac }) => ips.includes(address) || linkLocal(mac) === address);
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** The address a guest gives itself, in the kernel's spelling: RFC 4291, appendix A; RFC 5952. */
export function linkLocal(mac: string): string {
  const bytes = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
}
