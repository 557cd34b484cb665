// The general-purpose pipeline in its plainest form, as the original Cortex works: each filter
// copies all hosts and checks them one by one. Baseline of `cobalt bench cortex`, and reference for
// the engine's decisions in tests.
import { meets } from './filters/capability-operators.ts';
import { fnv1a, mixed } from './fleet/fnv1a.ts';
import type { HostFacts, ReservationFacts } from './fleet/host-facts.ts';
import type { PlacementRequest } from './request/placement-request.ts';

export interface NaiveFleet {
  hosts: readonly HostFacts[];
  reservations: readonly ReservationFacts[];
}

type Passes = (host: HostFacts, request: PlacementRequest, fleet: NaiveFleet) => boolean;

const own = (host: HostFacts, request: PlacementRequest): boolean =>
  host.servers.includes(request.serverId);

function membersOn(host: HostFacts, request: PlacementRequest): number {
  const { group, serverId } = request;
  if (!group) return 0;
  const members = group.members.filter((id) => id !== serverId && host.servers.includes(id));
  const hostEntries = group.hosts.filter((name) => name === host.name && !own(host, request));
  return Math.max(members.length, hostEntries.length);
}

/** Amounts by host and resource class of reservations that the request may not use. */
function heldByHost(
  { reservations }: NaiveFleet,
  request: PlacementRequest,
): Map<string, Record<string, number>> {
  const byHost = new Map<string, Record<string, number>>();
  for (const one of reservations) {
    const isLocked =
      !one.ready ||
      (one.type === 'CommittedResourceReservation'
        ? one.projectId !== request.projectId || one.resourceGroup !== request.hwVersion
        : request.intent !== 'evacuate' || !one.servers.includes(request.serverId));
    if (!isLocked) continue;
    for (const name of one.hosts) {
      const amounts = byHost.get(name) ?? {};
      byHost.set(name, amounts);
      for (const [resourceClass, amount] of Object.entries(one.held))
        amounts[resourceClass] = (amounts[resourceClass] ?? 0) + amount;
    }
  }
  return byHost;
}

const filters: readonly Passes[] = [
  (host, { ignoredHosts }) => !ignoredHosts.includes(host.name),
  (host, { destination }) =>
    (destination?.aggregates ?? []).every((list) =>
      list.split(',').some((uuid) => host.aggregates.some((one) => one.uuid === uuid)),
    ),
  (host, { zone }) => zone === null || host.zone === zone,
  (host) => host.ready === true && !host.disabled && !host.terminating,
  (host, { domainName }) =>
    !domainName.startsWith('iaas-') || host.traits.includes('CUSTOM_EXTERNAL_CUSTOMER_EXCLUSIVE'),
  (host, { projectId }) =>
    host.allowedProjects.length === 0 || host.allowedProjects.includes(projectId),
  (host, { projectId }) => {
    const lists = host.aggregates.map(({ metadata }) => metadata['filter_tenant_id1']);
    const tenantLists = lists.filter((list) => list !== undefined);
    return (
      tenantLists.length === 0 || tenantLists.some((list) => list.split(',').includes(projectId))
    );
  },
  (host, { image }) =>
    image.firmware !== 'uefi' ||
    !host.traits.includes('COMPUTE_FIRMWARE_BIOS') ||
    host.traits.includes('COMPUTE_FIRMWARE_UEFI'),
  (host, { capabilities }) =>
    capabilities.every(([name, wanted]) =>
      meets(
        (name === 'hypervisor_type' ? host.hypervisorType : host.architecture).toLowerCase(),
        wanted.toLowerCase(),
      ),
    ),
  (host, { requiredTraits, forbiddenTraits }) =>
    requiredTraits.every((trait) => host.traits.includes(trait)) &&
    !forbiddenTraits.some((trait) => host.traits.includes(trait)),
  (host, { intent, sourceHost }, { hosts }) => {
    if (intent !== 'live_migrate') return true;
    const source = hosts.find(({ name }) => name === sourceHost);
    return (
      source?.architecture === host.architecture &&
      source.guestFeatures.every((feature) => host.guestFeatures.includes(feature))
    );
  },
  (host, request) => request.group?.policy !== 'affinity' || membersOn(host, request) > 0,
  (host, request) =>
    request.group?.policy !== 'anti-affinity' ||
    membersOn(host, request) < request.group.maxPerHost,
];

export interface NaiveTarget {
  name: string;
  weight: number;
}

/** The hosts that fit, best first. */
export function naiveDecision(fleet: NaiveFleet, request: PlacementRequest): NaiveTarget[] {
  let names = fleet.hosts.map(({ name }) => name);
  for (const passes of filters) {
    const copies = structuredClone(fleet);
    const byName = new Map(copies.hosts.map((host) => [host.name, host]));
    names = names.filter((name) => {
      const host = byName.get(name);
      return host !== undefined && passes(host, request, copies);
    });
  }
  const copies = structuredClone(fleet);
  const [candidateNames, heldAmounts] = [new Set(names), heldByHost(copies, request)];
  const remainingHosts = copies.hosts.filter(
    ({ name, resources }) =>
      candidateNames.has(name) &&
      [...request.resources].every(([resourceClass, amount]) => {
        const { capacity = 0, used = 0 } = resources[resourceClass] ?? {};
        return capacity - used - (heldAmounts.get(name)?.[resourceClass] ?? 0) >= amount;
      }),
  );
  return weighed(remainingHosts, request, copies);
}

function weighed(
  remainingHosts: readonly HostFacts[],
  request: PlacementRequest,
  fleet: NaiveFleet,
): NaiveTarget[] {
  const memoryOf = (host: HostFacts): number => host.resources['MEMORY_MB']?.capacity ?? 0;
  const sizes = remainingHosts.map(memoryOf);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const wanted = request.resources.get('MEMORY_MB') ?? 0;
  const members = Math.max(1, ...fleet.hosts.map((host) => membersOn(host, request)));
  const sign = { 'soft-affinity': 1, 'soft-anti-affinity': -1 }[request.group?.policy ?? ''] ?? 0;
  const has = (host: HostFacts, isMine: (one: ReservationFacts) => boolean): boolean =>
    fleet.reservations.some((one) => one.ready && one.hosts.includes(host.name) && isMine(one));
  const isCommitment = (one: ReservationFacts): boolean =>
    one.ready &&
    one.type === 'CommittedResourceReservation' &&
    one.projectId === request.projectId &&
    one.resourceGroup === request.hwVersion &&
    (request.zone === null || one.zone === request.zone) &&
    (one.held['MEMORY_MB'] ?? 0) >= wanted;
  const hasCommitments = fleet.reservations.some(isCommitment);
  const targets = remainingHosts.map((host) => {
    const memory = memoryOf(host);
    const use = ((host.resources['MEMORY_MB']?.used ?? 0) + wanted) / memory;
    const isOwnFailover = (one: ReservationFacts): boolean =>
      one.type === 'FailoverReservation' && one.servers.includes(request.serverId);
    return {
      name: host.name,
      weight:
        (most > least ? Math.tanh((most - memory) / (most - least)) : 0) +
        10 * Math.tanh((sign * membersOn(host, request)) / members) -
        Math.tanh(use) +
        (request.intent === 'evacuate' ? Math.tanh(has(host, isOwnFailover) ? 1 : 0.1) : 0) +
        (hasCommitments ? Math.tanh(has(host, isCommitment) ? 1 : 0.1) : 0),
    };
  });
  const seed = fnv1a(request.serverId);
  const order = (name: string): number => mixed(fnv1a(name) ^ seed);
  return targets.sort((a, b) => b.weight - a.weight || order(a.name) - order(b.name));
}
