// Whose question it is, by the address it came from: on one network no two ports have the same.
// Pure.
import { linkLocal } from '#contracts/neutron/link-local.ts';
import type { LocalGuest } from '#ports/host-network.ts';

/**
 * `remoteAddress` as a socket of both families says it. null: no guest of this host and network.
 */
export function guestAt(remoteAddress: string, guests: readonly LocalGuest[]): LocalGuest | null {
  const [withoutZone = ''] = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '').split('%', 1);
  const address = withoutZone.toLowerCase();
  const found = guests.filter(
    ({ ips, mac }) => ips.includes(address) || linkLocal(mac) === address,
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}
