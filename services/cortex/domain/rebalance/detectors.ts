// Detects reasons to move servers. Each detector is a pure function of the fleet and the history of
// its load, and names servers that should leave their host, and why.
import { Balance } from './balance.ts';
import type { LoadHistory } from './load-history.ts';
import type { BalanceGoal, MovableFleet, MovableServer } from './movable-fleet.ts';
import { defaultGoal } from './movable-fleet.ts';

export interface Detection {
  detector: string;
  host: string;
  text: string;
  /** Servers that should leave their host for this reason. */
  servers: readonly string[];
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/**
 * Hosts whose deviation from the pool's mean exceeds the tolerance. It names no servers: the
 * planner chooses them.
 */
export function detectImbalance(fleet: MovableFleet, goal: BalanceGoal = defaultGoal): Detection[] {
  const state = new Balance(fleet, goal);
  return fleet.hosts.flatMap(({ name, isOpen }) => {
    if (!isOpen || state.excessOf(name) === 0) return [];
    const text = `${percent(state.useOf(name))} used, the mean is ${percent(state.meanAround(name))}`;
    return { detector: 'imbalance', host: name, text, servers: [] };
  });
}

/**
 * Hosts with more members of an anti-affinity group than its rule allows; the surplus members
 * leave.
 */
export function detectRuleViolations({ servers }: MovableFleet): Detection[] {
  const together = new Map<string, MovableServer[]>();
  for (const server of servers) {
    if (server.group?.policy !== 'anti-affinity') continue;
    const key = `${server.group.id}\n${server.host}`;
    together.set(key, [...(together.get(key) ?? []), server]);
  }
  return [...together.values()].flatMap((members) => {
    const [first] = members;
    const most = first?.group?.maxPerHost ?? 1;
    if (!first || members.length <= most) return [];
    return {
      detector: 'anti_affinity',
      host: first.host,
      text: `${members.length} servers of group ${first.group?.id}, ${most} may be there`,
      servers: members.slice(most).map(({ id }) => id),
    };
  });
}

/** Pools with more free capacity than the server needs, but no single host with room for it. */
export function detectFragmentation(
  { hosts }: MovableFleet,
  wanted: Readonly<Record<string, number>>,
): Detection[] {
  const entries = Object.entries(wanted);
  return [...new Set(hosts.map(({ pool }) => pool))].flatMap((pool) => {
    const open = hosts.filter((host) => host.isOpen && host.pool === pool);
    const free = (host: (typeof hosts)[number], name: string): number =>
      Math.max(0, (host.capacity[name] ?? 0) - (host.used[name] ?? 0));
    const isInSum = entries.every(
      ([name, amount]) => open.reduce((sum, host) => sum + free(host, name), 0) >= amount,
    );
    const isOnOne = open.some((host) =>
      entries.every(([name, amount]) => free(host, name) >= amount),
    );
    if (!isInSum || isOnOne) return [];
    const [fullest] = open.toSorted((a, b) => freeShare(b) - freeShare(a));
    const text = `what is free in ${pool} is scattered: no host has room for one more such server`;
    return { detector: 'fragmentation', host: fullest?.name ?? '', text, servers: [] };
  });
}

const freeShare = ({ capacity, used }: MovableFleet['hosts'][number]): number =>
  1 - (used['MEMORY_MB'] ?? 0) / Math.max(1, capacity['MEMORY_MB'] ?? 0);

/**
 * Guests that wait for a processor (steal) more than `mostPercent` of the time, as in the original.
 */
export function detectSteal(
  { servers }: MovableFleet,
  history: LoadHistory,
  { nowMs, mostPercent = 20 }: { nowMs: number; mostPercent?: number },
): Detection[] {
  return servers.flatMap(({ id, host }) => {
    const most = Math.max(0, ...history.of(id, 'steal', nowMs).map(({ value }) => value));
    if (most <= mostPercent) return [];
    const text = `its processors were taken away ${Math.round(most)} % of the time`;
    return { detector: 'avoid_high_steal_pct', host, text, servers: [id] };
  });
}

/** Hosts whose memory was nearly used up in most samples; their largest server leaves. */
export function detectMemoryPressure(
  { hosts, servers }: MovableFleet,
  history: LoadHistory,
  { nowMs, mostPercent = 95 }: { nowMs: number; mostPercent?: number },
): Detection[] {
  return hosts.flatMap(({ name }) => {
    const samples = history.of(name, 'memory', nowMs);
    const high = samples.filter(({ value }) => value > mostPercent).length;
    if (samples.length < 3 || high <= samples.length / 2) return [];
    const [largest] = servers
      .filter(({ host, staysBecause }) => host === name && staysBecause === undefined)
      .sort((a, b) => (b.resources['MEMORY_MB'] ?? 0) - (a.resources['MEMORY_MB'] ?? 0));
    const text = `over ${mostPercent} % of its memory in use, ${high} of ${samples.length} times`;
    return { detector: 'memory_pressure', host: name, text, servers: largest ? [largest.id] : [] };
  });
}
