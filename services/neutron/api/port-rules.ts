// What creating and changing a port have in common: who may say what, and what must fit together.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import { isTrusted, newMac } from '../domain/port.ts';
import { findByIds } from '../store/objects.ts';
import { distributedOwner, floatingIpOwner, macHolder, routerOwners } from '../store/ports.ts';
import type { NetworkRow } from '../store/tables.ts';
import type { NeutronTrx } from '../store/write.ts';
import { notAllowed } from './attributes.ts';
import type { AddressPair, PortInput } from './port-attributes.ts';
import type { Context } from './resource.ts';
import { missing } from './resource.ts';
import { securityGroups } from './security-groups.ts';

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

export const securityRequired = () =>
  fault(
    'badRequest',
    'Port security must be enabled and port must have an IP address in order to use security groups.',
    { type: 'PortSecurityAndIPRequiredForSecurityGroups' },
  );

export async function unknownGroups(
  { scope }: Context,
  trx: NeutronTrx,
  named: readonly string[],
  projectId: string,
): Promise<Outcome<undefined>> {
  const found = (await findByIds(trx, 'security_groups', named)).filter(
    ({ project_id }) => scope === null || project_id === scope || project_id === projectId,
  );
  const unknown = named.find((id) => !found.some((group) => group.id === id));
  return unknown === undefined ? undefined : missing(securityGroups, unknown);
}

export const pairsNeedSecurity = (secured: boolean, pairs: number): Outcome<void> =>
  secured || pairs === 0
    ? undefined
    : fault(
        'conflict',
        'Port Security must be enabled in order to have allowed address pairs on a port.',
        { type: 'AddressPairAndPortSecurityRequired' },
      );

export const pairsJson = (pairs: readonly AddressPair[], mac: string): string =>
  JSON.stringify(
    pairs.map(({ ip_address, mac_address }) => ({ ip_address, mac_address: mac_address ?? mac })),
  );
