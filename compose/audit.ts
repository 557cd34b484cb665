// The audit of `cobalt doctor --audit`: compares databases, Placement, hypervisors and disks.
// `compare` is pure; `audit` gathers its data.
import { readdir, readFile } from 'node:fs/promises';
import type { CinderAudit } from '#contracts/cinder/audit.ts';
import type { NeutronAudit } from '#contracts/neutron/audit.ts';
import type { NovaAudit, PlacementAudit } from '#contracts/nova/audit.ts';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { VmState } from '#contracts/nova/server-states.ts';
import type { Difference } from './audit-difference.ts';
import { compareGroups } from './audit-groups.ts';
import { comparePorts } from './audit-ports.ts';
import { compareVolumes } from './audit-volumes.ts';

export interface HostAudit {
  host: string;
  /** Guests of the host. `ports` and `volumes` are those that its hypervisor has for the guest. */
  guests: { uuid: string; state: GuestState; ports: string[]; volumes: string[] }[];
  /** UUIDs of the guests whose disk folders exist on the host. */
  guestFolders: string[];
  /** Paths of disks whose base image is missing in the host's image cache. */
  brokenOverlays: string[];
  /** Guests for which a QEMU process runs; null where guests are no processes (simulated hosts). */
  processes: string[] | null;
}

export interface Observed {
  nova: NovaAudit;
  placement: PlacementAudit;
  neutron: NeutronAudit;
  cinder: CinderAudit;
  hosts: HostAudit[];
  /** Differences that Glance found between its database and its files, one line each. */
  images: string[];
  /** Hosts that did not answer: their guests are not judged. */
  unreachable: string[];
  /** Whether a control plane runs; it would keep its hosts powered on. */
  cloudRuns: boolean;
}

/**
 * Guest states that agree with the state of a server without a task. A server state that is not
 * listed agrees with any.
 */
const agreeing: Partial<Record<VmState, readonly GuestState[]>> = {
  active: ['running'],
  paused: ['paused'],
  suspended: ['suspended', 'shutoff'],
  stopped: ['shutoff', 'crashed'],
  rescued: ['running', 'shutoff', 'crashed'],
};

/** All differences in the observed data; empty if the cloud is consistent. */
export function compare(observed: Observed): Difference[] {
  return [
    ...hostsOff(observed),
    ...servers(observed),
    ...claims(observed),
    ...guests(observed),
    ...operations(observed),
    ...networks(observed),
    ...volumes(observed),
    ...observed.images.map((detail) => ({ what: 'image differs', detail })),
  ];
}

/**
 * Reports unreachable hosts, but only while the cloud runs: a stopped cloud has its hosts powered
 * off.
 */
function hostsOff({ cloudRuns, unreachable }: Observed): Difference[] {
  return cloudRuns
    ? unreachable.map((host) => ({
        what: 'host is off',
        detail: `${host} does not answer; what is on it is not judged. See ./cobalt host list`,
      }))
    : [];
}

function servers({ nova, hosts, unreachable }: Observed): Difference[] {
  const hostOf = new Map(hosts.map((host) => [host.host, host]));
  return nova.servers.flatMap((server): Difference[] => {
    if (server.taskState !== null || server.host === null || unreachable.includes(server.host))
      return [];
    const host = hostOf.get(server.host);
    if (!host)
      return [
        {
          what: 'server on an unknown host',
          detail: `server ${server.id} (${server.vmState}) is on ${server.host}, which does not exist`,
        },
      ];
    const guest = host.guests.find(({ uuid }) => uuid === server.id);
    if (!guest)
      return server.vmState === 'error'
        ? []
        : [
            {
              what: 'server without a guest',
              detail: `server ${server.id} is ${server.vmState}, but ${server.host} has no guest for it`,
            },
          ];
    const right = agreeing[server.vmState];
    return right && !right.includes(guest.state)
      ? [
          {
            what: 'state differs',
            detail: `server ${server.id} is ${server.vmState}, its guest on ${server.host} is ${guest.state}`,
          },
        ]
      : [];
  });
}

function claims({ nova, placement }: Observed): Difference[] {
  const allocationsOf = new Map<string, PlacementAudit['allocations']>();
  for (const allocation of placement.allocations)
    allocationsOf.set(allocation.consumer, [
      ...(allocationsOf.get(allocation.consumer) ?? []),
      allocation,
    ]);
  const serverIds = new Set(nova.servers.map(({ id }) => id));
  const moveIds = new Set(nova.moves.map(({ uuid }) => uuid));
  const orphans = [...allocationsOf.keys()]
    .filter((consumer) => !serverIds.has(consumer) && !moveIds.has(consumer))
    .map((consumer) => ({
      what: 'claim without a server',
      detail: `consumer ${consumer} holds resources and is neither server nor move`,
    }));
  const wrong = nova.servers
    .filter((server) => server.taskState === null)
    .flatMap((server): Difference[] => {
      const allocations = allocationsOf.get(server.id) ?? [];
      if (server.host === null)
        return allocations.length === 0
          ? []
          : [
              {
                what: 'claim without a host',
                detail: `server ${server.id} is on no host and holds resources of ${allocations[0]?.provider}`,
              },
            ];
      const same =
        allocations.length === Object.keys(server.resources).length &&
        allocations.every(
          ({ provider, resourceClass, used }) =>
            provider === server.nodeUuid && server.resources[resourceClass] === used,
        );
      return same
        ? []
        : [
            {
              what: 'claim differs',
              detail: `server ${server.id} on ${server.host} should hold ${JSON.stringify(server.resources)} of ${server.nodeUuid}, placement has ${JSON.stringify(allocations)}`,
            },
          ];
    });
  const providers = new Set(placement.providers.map(({ uuid }) => uuid));
  const missing = nova.nodes
    .filter(({ uuid }) => !providers.has(uuid))
    .map(({ uuid, host }) => ({
      what: 'host without a provider',
      detail: `${host} (${uuid}) is not known to placement`,
    }));
  return [...orphans, ...wrong, ...missing];
}

function guests({ nova, hosts }: Observed): Difference[] {
  const serverOf = new Map(nova.servers.map((server) => [server.id, server]));
  return hosts
    .flatMap(({ host, guests: found, guestFolders, brokenOverlays, processes }): Difference[] => {
      const guestIds = new Set(found.map(({ uuid }) => uuid));
      const busy = (uuid: string): boolean => (serverOf.get(uuid)?.taskState ?? null) !== null;
      const strays = found
        .filter(
          ({ uuid }) =>
            !busy(uuid) &&
            serverOf.get(uuid)?.host !== host &&
            !nova.moves.some((move) => move.serverId === uuid && move.hosts.includes(host)),
        )
        .map(({ uuid }) => ({
          what: 'guest without a server',
          detail: `${host} has guest ${uuid}, which is ${serverOf.has(uuid) ? `a server of ${serverOf.get(uuid)?.host}` : 'no server'}`,
        }));
      const folders = guestFolders
        .filter((uuid) => !guestIds.has(uuid) && !busy(uuid))
        .map((uuid) => ({
          what: 'disk without a guest',
          detail: `${host} keeps the folder of ${uuid}, which is no guest`,
        }));
      const broken = brokenOverlays.map((path) => ({
        what: 'broken overlay',
        detail: `${host}: ${path} has lost its base image`,
      }));
      const alive = new Set(
        found
          .filter(({ state }) => state === 'running' || state === 'paused')
          .map(({ uuid }) => uuid),
      );
      const processDifferences =
        processes === null
          ? []
          : [
              ...processes
                .filter((uuid) => !alive.has(uuid) && !busy(uuid))
                .map((uuid) => ({
                  what: 'process without a guest',
                  detail: `${host} runs an emulator for ${uuid}, which libvirt does not call running`,
                })),
              ...processes
                .filter((uuid, index) => processes.indexOf(uuid) !== index)
                .map((uuid) => ({
                  what: 'guest runs twice',
                  detail: `${host} runs more than one emulator for ${uuid}`,
                })),
            ];
      return [...strays, ...folders, ...broken, ...processDifferences];
    })
    .concat(twice(hosts));
}

function twice(hosts: readonly HostAudit[]): Difference[] {
  const running = hosts.flatMap(({ host, guests: found }) =>
    found.filter(({ state }) => state === 'running').map(({ uuid }) => ({ uuid, host })),
  );
  return running
    .filter(({ uuid, host }) => running.some((other) => other.uuid === uuid && other.host < host))
    .map(({ uuid, host }) => ({
      what: 'guest runs twice',
      detail: `guest ${uuid} runs on ${host} and on another host`,
    }));
}

function operations({ nova }: Observed): Difference[] {
  const locked = new Set(nova.sagas.map(({ lockKey }) => lockKey));
  return nova.servers
    .filter((server) => server.taskState !== null && !locked.has(`server:${server.id}`))
    .map((server) => ({
      what: 'stuck task',
      detail: `server ${server.id} is ${server.taskState}, but nothing works on it`,
    }));
}

function networks({ nova, neutron, hosts }: Observed): Difference[] {
  const guestPorts = new Map(
    ownGuests({ nova, hosts }).map(({ uuid, ports }) => [uuid, ports] as const),
  );
  const tables = neutron.inconsistencies.map((detail) => ({
    what: 'network tables differ',
    detail,
  }));
  const { sdn } = neutron;
  const rows = typeof sdn === 'string' ? 0 : sdn.inserted + sdn.updated + sdn.deleted;
  // While changes of the journal are still to be written to OVN, a difference there is expected.
  const drift =
    typeof sdn === 'string' || sdn.pending > 0 || rows === 0
      ? []
      : [
          {
            what: 'OVN differs',
            detail: `${sdn.inserted} rows are missing, ${sdn.updated} are wrong, ${sdn.deleted} should not be there`,
          },
        ];
  return [
    ...compareGroups(nova),
    ...comparePorts({ nova, neutron, guests: guestPorts }),
    ...tables,
    ...drift,
  ];
}

/**
 * Guests on the host that their server has in Nova. Leaves out copies that a move in progress has
 * left on its other host.
 */
function ownGuests({ nova, hosts }: Pick<Observed, 'nova' | 'hosts'>): HostAudit['guests'] {
  const moving = new Map(nova.moves.map((move) => [move.serverId, move.hosts]));
  const hostOf = new Map(nova.servers.map(({ id, host }) => [id, host]));
  return hosts.flatMap(({ host, guests: found }) =>
    found.filter(({ uuid }) => !moving.get(uuid)?.includes(host) || hostOf.get(uuid) === host),
  );
}

const volumes = ({ nova, cinder, hosts }: Observed): Difference[] =>
  compareVolumes({
    nova,
    cinder,
    guests: new Map(
      ownGuests({ nova, hosts }).map(({ uuid, volumes: own }) => [uuid, own] as const),
    ),
  });

/**
 * Guests of a host for which a QEMU process runs, found by the host's data folder in the command
 * lines.
 */
export async function emulatorProcesses(dataDir: string): Promise<string[]> {
  const uuids: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (!words[0]?.includes('qemu-system') || !words.some((word) => word.includes(dataDir)))
      continue;
    const uuid = words[words.indexOf('-uuid') + 1];
    if (uuid !== undefined && words.includes('-uuid')) uuids.push(uuid);
  }
  return uuids;
}
