// What Neutron's objects are called in OVN, and whom their rows belong to. Names follow stock's, so
// that known tools find their way. Pure.
import { createHash } from 'node:crypto';
import type { SdnSubject } from '../store/sdn-journal.ts';

/** All rows of an object have keys that begin with this; see SdnOwner. */
export const ownerName = (kind: SdnSubject, id: string): string => `${kind}/${id}`;

export const switchName = (networkId: string): string => `neutron-${networkId}`;
export const routerName = (routerId: string): string => `neutron-${routerId}`;
export const routerPortName = (portId: string): string => `lrp-${portId}`;
/** Names of port groups become names of address sets, which take no dashes: ovn-nb(5). */
export const groupName = (groupId: string): string => `pg_${groupId.replaceAll('-', '_')}`;
export const dropGroupName = 'neutron_pg_drop';

/**
 * The address under which OVN's DHCP server of a subnet answers: the same at each writing, and
 * nobody else's.
 */
export function dhcpServerMac(subnetId: string): string {
  const [one, two, three] = createHash('sha1').update(`dhcp ${subnetId}`).digest();
  // fa:16:3e is for ports
  return `fa:16:3f:${[one, two, three].map((byte) => (byte ?? 0).toString(16).padStart(2, '0')).join(':')}`;
}
