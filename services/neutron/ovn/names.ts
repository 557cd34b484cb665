// Names of Neutron's objects in OVN, and the keys that say which object a row belongs to. Names are
// stock Neutron's, so that existing tools work. Pure.
import { createHash } from 'node:crypto';
import type { SdnSubject } from '../store/sdn-journal.ts';

/** The prefix of the keys of all rows of this object; see SdnOwner. */
export const ownerName = (kind: SdnSubject, id: string): string => `${kind}/${id}`;

export const switchName = (networkId: string): string => `neutron-${networkId}`;
export const routerName = (routerId: string): string => `neutron-${routerId}`;
export const routerPortName = (portId: string): string => `lrp-${portId}`;
/** Names of port groups become names of address sets, which take no dashes: ovn-nb(5). */
export const groupName = (groupId: string): string => `pg_${groupId.replaceAll('-', '_')}`;
export const dropGroupName = 'neutron_pg_drop';

/**
 * The MAC of a subnet's DHCP server in OVN: derived from the subnet's id, so that each write gives
 * the same one. Its prefix differs from that of ports.
 */
export function dhcpServerMac(subnetId: string): string {
  const [one, two, three] = createHash('sha1').update(`dhcp ${subnetId}`).digest();
  // ports have fa:16:3e
  return `fa:16:3f:${[one, two, three].map((byte) => (byte ?? 0).toString(16).padStart(2, '0')).join(':')}`;
}
