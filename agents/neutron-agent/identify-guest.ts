// Identifies the guest that sent a metadata request by its source address, which is unique on one
// network. Pure.
import { linkLocal } from '#contracts/neutron/link-local.ts';
import type { LocalGuest } from '#ports/host-network.ts';

/**
 * The guest with this address; null: none of this host and network. `remoteAddress`: in the form
 * that a dual-stack socket reports (with ::ffff: prefix or zone).
 */
export function guestAt(remoteAddress: string, guests: readonly LocalGuest[]): LocalGuest | null {
  const [withoutZone = ''] = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '').split('%', 1);
  const address = withoutZone.toLowerCase();
  const matches = guests.filter(
    ({ ips, mac }) => ips.includes(address) || linkLocal(mac) === address,
  );
  return matches.length === 1 ? (matches[0] ?? null) : null;
}
