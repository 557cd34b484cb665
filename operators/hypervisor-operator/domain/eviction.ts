// Decides the next steps to empty a host: which servers are moved now and how, which are waited
// for, and whether the eviction is over. Pure.
import { isTrue } from '#contracts/kube/conditions.ts';
import type { Hypervisor } from '#contracts/kube/kinds.ts';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';

/** How often a server's move was attempted, and since when the last attempt runs. */
export interface Attempt {
  count: number;
  sinceMs: number;
  /** Nova's message if it refused the move. */
  trouble?: string;
}

export type Step =
  | { do: 'liveMigrate' | 'migrate' | 'confirmResize'; server: FleetServer }
  | { do: 'wait'; server: FleetServer };

export interface Plan {
  steps: Step[];
  /** Servers that are still on the host, in the order in which they are moved. */
  outstanding: FleetServer[];
  /** Servers whose attempts are used up or took too long, with the reason. */
  stuck: { server: FleetServer; why: string }[];
}

export interface Limits {
  atOnce: number;
  attempts: number;
  /** Pause between two attempts for one server. */
  pauseMs: number;
  timeoutMs: number;
}

const powerRunning = 1; // nova.compute.power_state
const moving: readonly string[] = ['MIGRATING', 'RESIZE'];

const isMoving = ({ status, 'OS-EXT-STS:task_state': task }: FleetServer): boolean =>
  moving.includes(status) || task !== null;

/**
 * Whether servers may be moved to this host. A host without a Hypervisor resource is left to Nova's
 * judgement.
 */
export const mayTake = (hypervisor: Hypervisor | undefined): boolean =>
  hypervisor === undefined || (!hypervisor.spec.maintenance && !isTrue(hypervisor, 'Onboarding'));

/** Orders servers: large ones first, because they take longest. */
const bySize = (a: FleetServer, b: FleetServer): number =>
  b.flavor.ram - a.flavor.ram || (a.id < b.id ? -1 : 1);

export function planEviction(
  servers: readonly FleetServer[],
  attempts: ReadonlyMap<string, Attempt>,
  { atOnce, attempts: most, pauseMs, timeoutMs }: Limits,
  nowMs: number,
): Plan {
  const outstanding = servers.filter(({ status }) => status !== 'DELETED').sort(bySize);
  const steps: Step[] = [];
  const stuck: Plan['stuck'] = [];
  let inHand = outstanding.filter(isMoving).length;
  for (const server of outstanding) {
    const attempt = attempts.get(server.id);
    if (isMoving(server)) {
      steps.push({ do: 'wait', server });
      if (attempt && nowMs - attempt.sinceMs > timeoutMs)
        stuck.push({ server, why: `it has been moving for ${Math.round(timeoutMs / 1000)} s` });
    } else if (server.status === 'VERIFY_RESIZE') {
      steps.push({ do: 'confirmResize', server });
    } else if (attempt && attempt.count >= most) {
      const why = attempt.trouble ?? server.fault?.message ?? `it is in status ${server.status}`;
      stuck.push({ server, why: `tried ${attempt.count} times: ${why}` });
    } else if (inHand < atOnce && !(attempt && nowMs - attempt.sinceMs < pauseMs)) {
      inHand += 1;
      const isRunning =
        server.status === 'ACTIVE' ||
        server.status === 'PAUSED' ||
        server['OS-EXT-STS:power_state'] === powerRunning;
      steps.push({ do: isRunning ? 'liveMigrate' : 'migrate', server });
    }
  }
  return { steps, outstanding, stuck };
}

/** The servers as text, e.g. `a (id), b (id) and 3 more`. */
export function named(servers: readonly FleetServer[], most = 3): string {
  const names = servers.slice(0, most).map(({ name, id }) => `${name} (${id})`);
  const rest = servers.length - names.length;
  return names.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
