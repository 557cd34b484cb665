// Where the servers of a failed host may go, by the recovery method of its segment: stand-ins are
// reserved hosts that took its place. Pure.
import type { RecoveryMethod } from '#contracts/ha/masakari.ts';

export interface Candidates {
  /** That Nova and HA find well. */
  all: readonly string[];
  standIns: readonly string[];
  /** Of each server that is not settled: the hosts at which it could not be brought up. */
  tried: readonly (readonly string[])[];
}

const usable = ({ all, standIns }: Candidates): string[] =>
  standIns.filter((host) => all.includes(host));

/** Whether some server has failed at each of these hosts. */
const areUsedUp = (hosts: readonly string[], { tried }: Candidates): boolean =>
  tried.some((failed) => hosts.every((host) => failed.includes(host)));

const hasFailed = ({ tried }: Candidates): boolean => tried.some((hosts) => hosts.length > 0);

/** Whether another reserved host is needed now. */
export function needsStandIn(method: RecoveryMethod, candidates: Candidates): boolean {
  const hosts = usable(candidates);
  switch (method) {
    case 'auto':
      return false;
    case 'auto_priority':
      return hosts.length === 0 && (hasFailed(candidates) || candidates.all.length === 0);
    case 'rh_priority':
      return hosts.length === 0 && !hasFailed(candidates);
    case 'reserved_host':
      return areUsedUp(hosts, candidates);
  }
}

/** `named`: Nova is told where to; else it may choose among all its hosts. */
export function targetsBy(
  method: RecoveryMethod,
  candidates: Candidates,
): { hosts: readonly string[]; named: boolean } {
  const hosts = usable(candidates);
  if (method === 'reserved_host') return { hosts, named: true };
  return method === 'rh_priority' && hosts.length > 0 && !areUsedUp(hosts, candidates)
    ? { hosts, named: true }
    : { hosts: candidates.all, named: false };
}
