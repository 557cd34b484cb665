// Builds the fleet for rebalancing from the picture of the hosts and from Nova's servers. The
// pipeline's filters determine which hosts suit a server, apart from room and groups.
import type { FleetGroup, SizedServer } from '#openstack/clients/nova-balance.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { has, membersOf } from '../fleet/host-set.ts';
import type { Pipeline } from '../pipeline/build-pipeline.ts';
import { Engine } from '../pipeline/engine.ts';
import { capabilitiesOf, resourcesOf, traitsOf } from '../request/extra-specs.ts';
import { noRequest } from '../request/placement-request.ts';
import type { BalancedHost, GroupRule, MovableFleet, MovableServer } from './movable-fleet.ts';

const classes = ['MEMORY_MB', 'VCPU', 'DISK_GB'] as const;

export function gatherFleet(
  fleet: Fleet,
  pipeline: Pipeline,
  servers: readonly SizedServer[],
  groups: readonly FleetGroup[],
): MovableFleet {
  const groupOf = new Map<string, GroupRule>();
  for (const { id, policy, rules, members } of groups)
    for (const member of members)
      groupOf.set(member, { id, policy, maxPerHost: rules.max_server_per_host ?? 1 });
  const targets = targetsByKind(fleet, pipeline);
  return {
    hosts: membersOf(fleet.present).map((host) => balancedHost(fleet, host)),
    servers: servers.flatMap((server) => movable(server, groupOf, targets)),
  };
}

function balancedHost(fleet: Fleet, host: number): BalancedHost {
  const column = (name: string) => fleet.resource(name);
  const zone = fleet.zones.namesOf(host).join();
  const architecture = fleet.architectures.namesOf(host).join();
  return {
    name: fleet.names[host] ?? '',
    pool: architecture ? `${zone}/${architecture}` : zone,
    isOpen:
      has(fleet.ready, host) &&
      ![fleet.disabled, fleet.terminating, fleet.restricted, fleet.isolated].some((set) =>
        has(set, host),
      ),
    // An unknown capacity excludes no host.
    capacity: Object.fromEntries(
      classes.map((name) => {
        const capacity = column(name).capacity[host] ?? 0;
        const reserved = column(name).reserved[host] ?? 0;
        return [name, Number.isNaN(capacity) ? Infinity : capacity - reserved];
      }),
    ),
    used: Object.fromEntries(classes.map((name) => [name, column(name).used[host] ?? 0])),
  };
}

function movable(
  server: SizedServer,
  groupOf: ReadonlyMap<string, GroupRule>,
  targetsOf: (server: SizedServer) => ReadonlySet<string>,
): MovableServer[] {
  const { id, name, status, flavor, image } = server;
  const host = server['OS-EXT-SRV-ATTR:host'];
  if (host === null) return [];
  const task = server['OS-EXT-STS:task_state'];
  const group = groupOf.get(id);
  const staysBecause = status === 'ACTIVE' ? task : `it is ${status}`;
  const disk = image === '' ? 0 : flavor.disk;
  const sizes = {
    vcpus: flavor.vcpus,
    memoryMib: flavor.ram,
    diskGib: disk + flavor.ephemeral + Math.ceil(flavor.swap / 1024),
  };
  return [
    {
      id,
      name,
      host,
      resources: Object.fromEntries(resourcesOf(flavor.extra_specs ?? {}, sizes)),
      ...(staysBecause === null ? { targets: targetsOf(server) } : { staysBecause }),
      ...(group && { group }),
    },
  ];
}

/** Computed once for all servers of a project whose flavors make the same demands. */
function targetsByKind(
  fleet: Fleet,
  pipeline: Pipeline,
): (server: SizedServer) => ReadonlySet<string> {
  const engine = new Engine(fleet);
  const byKind = new Map<string, ReadonlySet<string>>();
  return ({ tenant_id: projectId, flavor: { extra_specs: specs = {} } }) => {
    const kind = `${projectId}\n${JSON.stringify(specs)}`;
    const cached = byKind.get(kind);
    if (cached) return cached;
    const traits = traitsOf(specs);
    const decision = engine.decide(pipeline, {
      ...noRequest,
      projectId,
      requiredTraits: traits.required,
      forbiddenTraits: traits.forbidden,
      capabilities: capabilitiesOf(specs),
      deviceProfile: specs['accel:device_profile'] ?? '',
    });
    const names = new Set(decision.targets.map(({ name }) => name));
    byKind.set(kind, names);
    return names;
  };
}
