// What a port's parts may be. Pure.
import type { Ids } from '#platform/ids.ts';

/** Stock Neutron's prefix of generated MACs. */
export function newMac(ids: Pick<Ids, 'bytes'>): string {
  return `fa:16:3e:${[...ids.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

export interface DhcpOption {
  opt_name: string;
  opt_value: string;
  ip_version: 4 | 6;
}

/**
 * Options after a change: one named anew replaces, one with a null value goes.
 * https://docs.openstack.org/api-ref/network/v2/#update-port
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

/** Ports of the cloud itself: no default group, no port security. */
export const isTrusted = (deviceOwner: string): boolean => deviceOwner.startsWith('network:');

/**
 * Where a port is plugged: nowhere, into the switch of a host, or into none since the host cannot.
 */
export function bindingOf(host: string, hasAgent: boolean): 'unbound' | 'ovs' | 'binding_failed' {
  return host === '' ? 'unbound' : hasAgent ? 'ovs' : 'binding_failed';
}
