// What creating and changing a port have in common: who may say what, and which MAC it gets. Of its
// security: port-security.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { isTrusted, newMac } from '../domain/port.ts';
import { distributedOwner, floatingIpOwner, macHolder, routerOwners } from '../store/ports.ts';
import type { NetworkRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { notAllowed } from './attributes.ts';
import type { PortInput } from './port-attributes.ts';
import type { Context } from './resource.ts';

const systemOwners: readonly string[] = [...routerOwners, floatingIpOwner, distributedOwner];
/** Ports that belong to a router, a floating IP or the cloud: they come and go with it. */
export const isSystemOwner = (owner: string): boolean => systemOwners.includes(owner);

/**
 * Owners of a network may say more about its ports than those whom it is shared with. Upstream:
 * `rule:admin_or_network_owner`.
 */
export function ownersOnly(
  { scope }: Context,
  network: Pick<NetworkRow, 'project_id'>,
  input: Partial<PortInput>,
  verb: 'create' | 'update',
): Outcome<void> {
  if (scope === null) return undefined;
  const { device_owner: owner = '' } = input;
  // Router ports and the like are made by what they belong to: nobody may pretend.
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
 * The MAC wanted if no other port of the network has it, else a new one; of two new ones alike the
 * key refuses the second.
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
