// Values of a port's attributes: MAC, DHCP options, VIF type. Pure.
import type { Ids } from '#platform/ids.ts';

/** A random MAC with stock Neutron's default prefix. */
export function newMac(ids: Pick<Ids, 'bytes'>): string {
  return `fa:16:3e:${[...ids.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

export interface DhcpOption {
  opt_name: string;
  opt_value: string;
  ip_version: 4 | 6;
}

/**
 * A port's DHCP options after a PUT: an option with the same name replaces the old one, a null
 * value removes it. https://docs.openstack.org/api-ref/network/v2/#update-port
 */
export function mergeDhcpOptions(
  present: readonly DhcpOption[],
  changes: readonly (Omit<DhcpOption, 'opt_value'> & { opt_value: string | null })[],
): DhcpOption[] {
  const merged = new Map(
    present.map((option) => [`${option.ip_version} ${option.opt_name}`, option]),
  );
  for (const { opt_name, opt_value, ip_version } of changes) {
    const key = `${ip_version} ${opt_name}`;
    if (opt_value === null) merged.delete(key);
    else merged.set(key, { opt_name, opt_value, ip_version });
  }
  return [...merged.values()];
}

/**
 * `binding:vif_type`: unbound without a host; binding_failed if no live ovn-controller runs on it.
 */
export function bindingOf(host: string, hasAgent: boolean): 'unbound' | 'ovs' | 'binding_failed' {
  return host === '' ? 'unbound' : hasAgent ? 'ovs' : 'binding_failed';
}
