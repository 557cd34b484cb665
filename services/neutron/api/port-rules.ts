// Checks that creating and changing a port share: which attributes the caller may set, and which
// MAC the port gets. Security groups and address pairs: port-security.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { floatingIpOwner, isTrusted, metadataOwner, routerOwners } from '../domain/port-owner.ts';
import { newMac } from '../domain/port.ts';
import { macHolder } from '../store/ports.ts';
import type { NetworkRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { notAllowed } from './attributes.ts';
import type { PortInput } from './port-attributes.ts';
import type { Context } from './resource.ts';

const systemOwners: readonly string[] = [...routerOwners, floatingIpOwner, metadataOwner];
/** Ports that belong to a router, a floating IP or Neutron itself, which create and delete them. */
export const isSystemOwner = (owner: string): boolean => systemOwners.includes(owner);

/**
 * A network's owner may set attributes of its ports that projects it is shared with may not.
 * Upstream: `rule:admin_or_network_owner`.
 */
export function ownersOnly(
  { scope }: Context,
  network: Pick<NetworkRow, 'project_id'>,
  input: Partial<PortInput>,
  verb: 'create' | 'update',
): Outcome<void> {
  if (scope === null) return undefined;
  const { device_owner: owner = '' } = input;
  // Only Neutron itself creates router ports and the like: a caller may not name such an owner.
  if (isSystemOwner(owner)) return notAllowed(`${verb}_port:device_owner`);
  if (network.project_id === scope) return undefined;
  if (isTrusted(owner)) return notAllowed(`${verb}_port:device_owner`);
  if (input.mac_address != null) return notAllowed(`${verb}_port:mac_address`);
  if (input.fixed_ips?.some(({ ip_address }) => ip_address !== undefined))
    return notAllowed(`${verb}_port:fixed_ips:ip_address`);
  if (input.port_security_enabled === false)
    return notAllowed(`${verb}_port:port_security_enabled`);
  return input.allowed_address_pairs && input.allowed_address_pairs.length > 0
    ? notAllowed(`${verb}_port:allowed_address_pairs`)
    : undefined;
}

/**
 * The requested MAC, or a generated one if none is requested. conflict: another port of the network
 * has it. Of two concurrent requests with the same MAC the unique key refuses the second.
 */
export async function macFor(
  trx: NeutronTrx,
  ids: Context['parts']['ids'],
  networkId: string,
  wanted: string | undefined,
): Promise<Outcome<string>> {
  if (wanted === undefined) return newMac(ids);
  if ((await macHolder(trx, networkId, wanted)) === undefined) return wanted;
  return fault(
    'conflict',
    `Unable to complete operation for network ${networkId}. The mac address ${wanted} is in use.`,
    { type: 'MacAddressInUse' },
  );
}
