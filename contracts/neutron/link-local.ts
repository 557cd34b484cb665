// The IPv6 link-local address that an interface assigns itself: port security allows it, and
// metadata requests are identified by it. Pure.

/**
 * The link-local address of an interface with this MAC address, in the kernel's notation: RFC 4291,
 * appendix A; RFC 5952.
 */
export function linkLocal(mac: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac
    .split(':')
    .map((byte) => Number.parseInt(byte, 16));
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  return `fe80::${groups.map((group) => group.toString(16)).join(':')}`;
}
