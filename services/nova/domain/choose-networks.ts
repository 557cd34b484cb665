// Chooses the interfaces of a new server or an attachment, from the request and what Neutron knows;
// returns upstream's refusal if the request cannot be met. Pure. Rules and messages:
// nova.network.neutron, validate_networks and _validate_requested_network_ids.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Network, Port, SecurityGroup } from '#contracts/neutron/wire.ts';

export interface RequestedNic {
  uuid?: string | undefined;
  port?: string | null | undefined;
  fixed_ip?: string | undefined;
  tag?: string | undefined;
}

/**
 * 'auto': Nova chooses the network; if there is none, the request is refused. 'whatever' (a request
 * below 2.37 that names no network): as 'auto', but if there is none, the server gets no interface.
 */
export type RequestedNetworks = readonly RequestedNic[] | 'auto' | 'none' | 'whatever';

export interface NetworkFacts {
  projectId: string;
  mayAttachExternal: boolean;
  /**
   * Networks that Nova may choose from: the project's own and shared ones, or the one that Neutron
   * created for a project without any. Read only if the request leaves the choice to Nova.
   */
  available: readonly Network[];
  /** Networks that the request names and the caller can see, by id. */
  networks: ReadonlyMap<string, Network>;
  /** Ports that the request names and the caller can see, by id. */
  ports: ReadonlyMap<string, Port>;
  /** Requested fixed IPs that a port already has, each as `<network id> <address>`. */
  takenAddresses: ReadonlySet<string>;
}

export interface WantedNic {
  networkId: string;
  portId: string | null;
  fixedIp: string | null;
  tag: string | null;
}

export function chooseNics(
  requestedNetworks: RequestedNetworks,
  facts: NetworkFacts,
): Outcome<WantedNic[]> {
  if (requestedNetworks === 'none') return [];
  if (
    requestedNetworks === 'auto' ||
    requestedNetworks === 'whatever' ||
    requestedNetworks.length === 0
  )
    return chosenForCaller(requestedNetworks === 'auto', facts);
  const nics: WantedNic[] = [];
  const tags = new Set<string>();
  for (const nic of requestedNetworks) {
    const one = nic.port
      ? ofPort(nic, nic.port, facts)
      : nic.uuid === undefined
        ? anyNetwork(nic, facts)
        : ofNetwork(nic, nic.uuid, facts);
    if (isFault(one)) return one;
    if (nic.tag !== undefined && tags.has(nic.tag))
      return fault(
        'badRequest',
        `Block Device Mapping or network interface tag '${nic.tag}' was given twice.`,
      );
    if (nic.tag !== undefined) tags.add(nic.tag);
    if (one.portId !== null && nics.some(({ portId }) => portId === one.portId))
      return fault('badRequest', `Port ${one.portId} was given twice.`);
    nics.push(one);
  }
  return nics;
}

function chosenForCaller(needed: boolean, facts: NetworkFacts): Outcome<WantedNic[]> {
  const [network, ...others] = facts.available;
  if (!network)
    return needed
      ? fault(
          'badRequest',
          `Unable to automatically allocate a network for project ${facts.projectId}`,
        )
      : [];
  if (others.length > 0)
    return fault(
      'conflict',
      'Multiple possible networks found, use a Network ID to be more specific.',
    );
  const one = checked(network, facts);
  return isFault(one) ? one : [{ networkId: network.id, portId: null, fixedIp: null, tag: null }];
}

/** An entry with only a tag or an address: uses the single network that is available. */
function anyNetwork(nic: RequestedNic, facts: NetworkFacts): Outcome<WantedNic> {
  const choice = chosenForCaller(true, facts);
  if (isFault(choice)) return choice;
  return {
    networkId: choice[0]?.networkId ?? '',
    portId: null,
    fixedIp: nic.fixed_ip ?? null,
    tag: nic.tag ?? null,
  };
}

function ofNetwork(nic: RequestedNic, id: string, facts: NetworkFacts): Outcome<WantedNic> {
  const network = facts.networks.get(id);
  if (!network) return fault('badRequest', `Network ${id} could not be found.`);
  const usable = checked(network, facts);
  if (isFault(usable)) return usable;
  if (nic.fixed_ip !== undefined && facts.takenAddresses.has(`${id} ${nic.fixed_ip}`))
    return fault(
      'badRequest',
      `Fixed IP address ${nic.fixed_ip} is already in use on another instance.`,
    );
  return { networkId: id, portId: null, fixedIp: nic.fixed_ip ?? null, tag: nic.tag ?? null };
}

function checked(network: Network, facts: NetworkFacts): Outcome<undefined> {
  if (network['router:external'] && !network.shared && !facts.mayAttachExternal)
    return fault(
      'forbidden',
      `It is not allowed to create an interface on external network ${network.id}`,
    );
  return network.subnets.length === 0
    ? fault('badRequest', `Network ${network.id} requires a subnet in order to boot instances on.`)
    : undefined;
}

function ofPort(nic: RequestedNic, id: string, facts: NetworkFacts): Outcome<WantedNic> {
  const port = facts.ports.get(id);
  if (!port) return fault('badRequest', `Port id ${id} could not be found.`);
  if (nic.fixed_ip !== undefined)
    return fault(
      'badRequest',
      `Specified Fixed IP '${nic.fixed_ip}' cannot be used with port '${id}': the two cannot be specified together.`,
    );
  if (port.tenant_id !== facts.projectId && !facts.mayAttachExternal)
    return fault('badRequest', `Port ${id} not usable for instance.`);
  if (port.device_id !== '') return fault('conflict', `Port ${id} is still in use.`);
  if (port.fixed_ips.length === 0)
    return fault('badRequest', `Port ${id} requires a FixedIP in order to be used.`);
  return { networkId: port.network_id, portId: id, fixedIp: null, tag: nic.tag ?? null };
}

/**
 * Resolves names or ids to groups. badRequest: no such group; conflict: several groups have this
 * name.
 */
export function chooseSecurityGroups(
  namesOrIds: readonly string[],
  groups: readonly SecurityGroup[],
  projectId: string,
): Outcome<SecurityGroup[]> {
  const chosenGroups = new Map<string, SecurityGroup>();
  for (const wanted of namesOrIds) {
    const byId = groups.filter(({ id }) => id === wanted);
    const matchingGroups = byId.length > 0 ? byId : groups.filter(({ name }) => name === wanted);
    const [group, ...others] = matchingGroups;
    if (!group)
      return fault('badRequest', `Security group ${wanted} not found for project ${projectId}.`);
    if (others.length > 0)
      return fault(
        'conflict',
        `Multiple security groups found matching '${wanted}'. Use an ID to be more specific.`,
      );
    chosenGroups.set(group.id, group);
  }
  return [...chosenGroups.values()];
}
