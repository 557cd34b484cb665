// Selects the hosts for a server, best first: Placement's candidates pass the tables of filters and
// weighers. Pure.
import type { JsonObject } from '#contracts/common/json.ts';
import type { Wanted } from '#contracts/nova/scheduler-rpc.ts';
import type { Candidate } from '#contracts/placement/wire.ts';
import type { HintFacts } from './hints.ts';
import { hintFilters } from './hints.ts';
import type { GroupView } from './server-groups.ts';
import { groupFilters, groupWeighers } from './server-groups.ts';

/** A compute host as the scheduler sees it. */
export interface HostView {
  host: string;
  nodeUuid: string;
  zone: string;
  enabled: boolean;
  up: boolean;
  /** Number of servers on the host with a task state. */
  busy: number;
  candidate: Candidate;
}

/** The request for a host, as filters and weighers see it. */
export interface PlacementRequest extends Wanted {
  /** `os:scheduler_hints` as the tenant sent them. */
  hints: JsonObject;
  hintFacts: HintFacts;
  /** The server's group; null: none. */
  group: GroupView | null;
}

export interface Filter {
  name: string;
  passes(host: HostView, request: PlacementRequest): boolean;
}

export interface Weigher {
  name: string;
  multiplier: number;
  /** On any scale: weights are normalised over the hosts that passed the filters. */
  weight(host: HostView, request: PlacementRequest): number;
}

// For a host that the request names, disabled is ignored, but as in Nova its service must be up.
export const filters: readonly Filter[] = [
  { name: 'up', passes: (host) => host.up },
  { name: 'enabled', passes: (host, request) => host.enabled || request.host !== null },
  {
    name: 'named host',
    passes: (host, request) => request.host === null || host.host === request.host,
  },
  {
    name: 'availability zone',
    passes: (host, request) => request.zone === null || host.zone === request.zone,
  },
  {
    name: 'not tried before',
    passes: (host, request) => !request.excludedHosts.includes(host.host),
  },
  ...hintFilters,
  ...groupFilters,
];

const freeShare = (host: HostView, resource: string): number => {
  const inventory = host.candidate.capacity[resource];
  return inventory && inventory.capacity > 0
    ? (inventory.capacity - inventory.used) / inventory.capacity
    : 1;
};

export const weighers: readonly Weigher[] = [
  { name: 'free memory', multiplier: 1, weight: (host) => freeShare(host, 'MEMORY_MB') },
  { name: 'free vCPUs', multiplier: 1, weight: (host) => freeShare(host, 'VCPU') },
  { name: 'free disk', multiplier: 0.5, weight: (host) => freeShare(host, 'DISK_GB') },
  { name: 'quiet', multiplier: 0.5, weight: (host) => -host.busy },
  ...groupWeighers,
];

export interface Selection {
  hosts: HostView[];
  /** Number of hosts left after each filter, for the fault's message. */
  left: { filter: string; hosts: number }[];
  /** Cortex's reason why no host is left. */
  why?: string;
}

/** Returns the hosts best first. `tieBreak` (in [0, 1)) orders hosts of equal weight. */
export function selectHosts(
  hosts: readonly HostView[],
  request: PlacementRequest,
  tieBreak: (host: HostView) => number,
  applied: readonly Filter[] = filters,
): Selection {
  const left: Selection['left'] = [];
  let passing = [...hosts];
  for (const filter of applied) {
    passing = passing.filter((host) => filter.passes(host, request));
    left.push({ filter: filter.name, hosts: passing.length });
  }
  const scores = new Map(passing.map((host) => [host, tieBreak(host) * 1e-6]));
  for (const { weight, multiplier } of weighers) {
    const raw = passing.map((host) => weight(host, request));
    const [low, high] = [Math.min(...raw), Math.max(...raw)];
    if (high === low) continue;
    passing.forEach((host, index) =>
      scores.set(
        host,
        (scores.get(host) ?? 0) + multiplier * (((raw[index] ?? low) - low) / (high - low)),
      ),
    );
  }
  return { hosts: passing.sort((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0)), left };
}

/** "No valid host was found …", naming the filter that removed the last hosts. */
export function whyNone(selection: Selection, candidates: number): string {
  if (candidates === 0) return 'No valid host was found. No host has enough free resources.';
  if (selection.why !== undefined) return `No valid host was found. ${selection.why}`;
  const filter = selection.left.find(({ hosts }) => hosts === 0)?.filter ?? 'placement';
  return `No valid host was found. ${candidates} hosts have room, the filter "${filter}" left none.`;
}
