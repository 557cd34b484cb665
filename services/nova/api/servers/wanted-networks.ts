// Checks with Neutron, in the caller's name, the networks, ports and security groups of a request
// for interfaces. Used by POST /servers and POST …/os-interface; actions on security groups and
// addresses use its Neutron client (`callersNeutron`).
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Network, Port, SecurityGroup } from '#contracts/neutron/wire.ts';
import type { Neutron } from '#openstack/clients/neutron.ts';
import { neutronClient } from '#openstack/clients/neutron.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import type { NovaDeps } from '../../deps.ts';
import type {
  RequestedNetworks,
  RequestedNic,
  NetworkFacts,
  WantedNic,
} from '../../domain/choose-networks.ts';
import { chooseNics, chooseSecurityGroups } from '../../domain/choose-networks.ts';
import { callerOf } from '../request.ts';

type Request = ApiRequest<unknown>;

export interface WantedNetworks {
  nics: WantedNic[];
  /** The groups that the caller named; []: Neutron's default group. */
  securityGroups: SecurityGroup[];
  /** For how many servers the project's port quota has room; Infinity: no limit. */
  servers: number;
}

export const callersNeutron = (deps: NovaDeps, request: Request): Neutron =>
  neutronClient(deps, callerOf(request));

/**
 * Faults as in domain/choose-networks.ts. overQuota: the port quota has no room for the new ports
 * of `min` servers; unavailable: Neutron does not answer.
 */
export async function wantedNetworks(
  deps: NovaDeps,
  request: Request,
  requestedNetworks: RequestedNetworks,
  groupNames: readonly string[],
  servers: { projectId: string; min: number },
): Promise<Outcome<WantedNetworks>> {
  if (requestedNetworks === 'none') return { nics: [], securityGroups: [], servers: Infinity };
  const neutron = callersNeutron(deps, request);
  const facts = await gather(neutron, request, requestedNetworks, servers.projectId);
  if (isFault(facts)) return facts;
  const nics = chooseNics(requestedNetworks, facts);
  if (isFault(nics)) return nics;
  const securityGroups = await namedGroups(neutron, groupNames, servers.projectId);
  if (isFault(securityGroups)) return securityGroups;
  const each = nics.filter(({ portId }) => portId === null).length;
  const freePorts = each === 0 ? Infinity : await neutron.freePortQuota(servers.projectId);
  if (isFault(freePorts)) return freePorts;
  const fitting = Math.floor(freePorts / Math.max(1, each));
  return fitting < servers.min
    ? fault('overQuota', 'The number of defined ports exceeds the limit.')
    : { nics, securityGroups, servers: fitting };
}

/** Resolves names or ids to security groups that the caller can see in the project. */
export async function namedGroups(
  neutron: Neutron,
  names: readonly string[],
  projectId: string,
): Promise<Outcome<SecurityGroup[]>> {
  if (names.length === 0) return [];
  const groups = await neutron.list('security-groups', { tenant_id: projectId });
  return isFault(groups) ? groups : chooseSecurityGroups(names, groups, projectId);
}

async function gather(
  neutron: Neutron,
  request: Request,
  requestedNetworks: RequestedNetworks,
  projectId: string,
): Promise<Outcome<NetworkFacts>> {
  const rows: readonly RequestedNic[] =
    typeof requestedNetworks === 'string' ? [] : requestedNetworks;
  const open = rows.length === 0 || rows.some((nic) => !nic.port && nic.uuid === undefined);
  const available = open
    ? await availableNetworks(neutron, projectId, requestedNetworks === 'auto')
    : [];
  if (isFault(available)) return available;
  const ids = [
    ...new Set(rows.flatMap((nic) => (nic.port || nic.uuid === undefined ? [] : [nic.uuid]))),
  ];
  const networks = ids.length === 0 ? [] : await neutron.list('networks', { id: ids });
  if (isFault(networks)) return networks;
  const ports = new Map<string, Port>();
  for (const { port: id } of rows) {
    if (!id) continue;
    const port = await neutron.find('ports', id);
    if (isFault(port)) return port;
    if (port) ports.set(id, port);
  }
  const takenAddresses = new Set<string>();
  for (const { uuid, fixed_ip: address, port } of rows) {
    if (port || uuid === undefined || address === undefined) continue;
    const holders = await neutron.list('ports', {
      network_id: uuid,
      fixed_ips: `ip_address=${address}`,
    });
    if (isFault(holders)) return holders;
    if (holders.length > 0) takenAddresses.add(`${uuid} ${address}`);
  }
  return {
    projectId,
    mayAttachExternal: request.allows('network:attach_external_network'),
    available,
    networks: new Map(networks.map((network) => [network.id, network])),
    ports,
    takenAddresses,
  };
}

/**
 * The networks that Nova chooses from if the caller names none: the project's own and shared ones.
 * External networks are used only if named. nova.network.neutron, _get_available_networks
 */
async function availableNetworks(
  neutron: Neutron,
  projectId: string,
  mayMake: boolean,
): Promise<Outcome<Network[]>> {
  const [own, shared] = await Promise.all([
    neutron.list('networks', { tenant_id: projectId, shared: 'False' }),
    neutron.list('networks', { shared: 'True' }),
  ]);
  if (isFault(own)) return own;
  if (isFault(shared)) return shared;
  if (own.length + shared.length > 0 || !mayMake) return [...own, ...shared];
  const id = await neutron.autoNetwork(projectId);
  return id === undefined || isFault(id) ? (id ?? []) : await neutron.list('networks', { id });
}
