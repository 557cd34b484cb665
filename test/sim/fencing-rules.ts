// Rules that the HA Service must keep while a story breaks and repairs hosts: a host is fenced only
// if two independent sources speak against it, and no two hosts are recovered at once. Used by
// ha-life.ts, which tells it every trouble and shows it the HA states of all hosts.
import type { HaState } from '#contracts/ha/host-states.ts';
import type { Clock } from '#platform/clock.ts';

/** Troubles of a host; `bmc` and the troubles of processes say nothing about the host itself. */
export type HostTrouble = 'power' | 'everyWay' | 'reports' | 'network' | 'storage' | 'bmc';

/** Troubles that silence the host's HA Agent. */
const silencing: readonly HostTrouble[] = ['power', 'everyWay', 'reports'];
/** Troubles that a second source sees: its neighbours, its mark on the storage, or its BMC. */
const confirming: readonly HostTrouble[] = ['power', 'everyWay', 'network', 'storage'];
/** A repaired trouble still counts for so long: detection and confirmation take their time. */
const countsMs = 60_000;
const recovering: ReadonlySet<HaState> = new Set([
  'Fencing',
  'FailedToFence',
  'Fenced',
  'Evacuating',
]);

export interface FencingRules {
  note(host: string, trouble: HostTrouble, isActive: boolean): void;
  /** Checks the HA states of all hosts at one moment. */
  look(hosts: readonly { host: string; state: HaState }[]): void;
  violations(): readonly string[];
}

export function createFencingRules(clock: Pick<Clock, 'now'>): FencingRules {
  const found = new Set<string>();
  /** By host and trouble, when it was repaired; Infinity: it is active. */
  const until = new Map<string, number>();
  const before = new Map<string, HaState>();
  const hasRecently = (host: string, troubles: readonly HostTrouble[]): boolean =>
    troubles.some((each) => (until.get(`${host} ${each}`) ?? -Infinity) >= clock.now() - countsMs);
  return {
    note(host, trouble, isActive) {
      const key = `${host} ${trouble}`;
      if (isActive) until.set(key, Infinity);
      else if (until.has(key)) until.set(key, Math.min(until.get(key) ?? 0, clock.now()));
    },
    look(hosts) {
      const now = hosts.filter(({ state }) => recovering.has(state)).map(({ host }) => host);
      if (now.length > 1) found.add(`${now.join(' and ')} are recovered at once`);
      for (const { host, state } of hosts) {
        const isNew = recovering.has(state) && !recovering.has(before.get(host) ?? 'Healthy');
        if (isNew && !(hasRecently(host, silencing) && hasRecently(host, confirming)))
          found.add(`${host} is fenced without two sources against it`);
        before.set(host, state);
      }
    },
    violations: () => [...found],
  };
}
