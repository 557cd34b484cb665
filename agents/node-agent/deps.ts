// Dependencies of a host's Node Agent, provided by compose.
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Kube } from '#ports/kube.ts';
import type { NodeFacts } from '#ports/node-facts.ts';

export interface NodeAgentConfig {
  /** Name of the host's Node and Hypervisor resources. */
  host: string;
  /** Namespace in which Migration objects are created. */
  namespace: string;
  /**
   * Set if no kubelet runs on the host: then the agent writes the Node's status with this address.
   * null: a kubelet does.
   */
  node: { address: string | null } | null;
  /** Interval at which the host is read even without events. */
  pollEveryMs: number;
  /** Minimum pause between two reads of the host, however many events arrive. */
  hostPauseMs: number;
  /**
   * Minimum pause before a read that only events of guests cause. Longer, because on a host whose
   * guests change often each read leads to a write that all watchers of hypervisors receive.
   */
  guestsPauseMs: number;
  /** Interval for reading the states of systemd units. */
  unitsEveryMs: number;
  /** Interval for reporting the progress of a migration. */
  progressEveryMs: number;
  /** How long a Migration object is kept after the migration's end. */
  keepMigrationsMs: number;
}

export const nodeAgentDefaults: Omit<NodeAgentConfig, 'host' | 'node'> = {
  namespace: 'default',
  pollEveryMs: 60_000,
  hostPauseMs: 500,
  guestsPauseMs: 20_000,
  unitsEveryMs: 5_000,
  progressEveryMs: 1_000,
  keepMigrationsMs: 3_600_000,
};

export interface NodeAgentDeps {
  facts: NodeFacts;
  /** The client's field manager name makes the agent the owner of the fields that it writes. */
  kube: Kube;
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  log: Log;
  config: NodeAgentConfig;
}
