// The target hosts for the servers of a failed host, by the recovery method of its segment. A
// stand-in is a reserved host that was activated in place of the failed one. Pure.
import type { RecoveryMethod } from '#contracts/ha/masakari.ts';

export interface Candidates {
  /** Hosts that may take servers now: `targetsFor` in recovery-facts.ts. */
  all: readonly string[];
  /** Reserved hosts that were activated for this incident; they may have failed since. */
  standIns: readonly string[];
  /** For each unsettled server: the hosts at which its evacuation failed. */
  tried: readonly (readonly string[])[];
}

const usable = ({ all, standIns }: Candidates): string[] =>
  standIns.filter((host) => all.includes(host));

/** Whether the evacuation of some server has failed at every one of these hosts. */
const areUsedUp = (hosts: readonly string[], { tried }: Candidates): boolean =>
  tried.some((failed) => hosts.every((host) => failed.includes(host)));

const hasFailed = ({ tried }: Candidates): boolean => tried.some((hosts) => hosts.length > 0);

/** Whether a (further) reserved host has to be activated now. */
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

/**
 * The hosts that may take the servers now. `named`: Nova must be given one of `hosts` as target;
 * otherwise it may choose among all its hosts.
 */
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
