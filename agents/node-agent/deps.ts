// What the Node Agent of one host needs; provided by compose.
import type { Clock } from '#platform/clock.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { Kube } from '#ports/kube.ts';
import type { NodeFacts } from '#ports/node-facts.ts';

export interface NodeAgentConfig {
  /** The name of its Node and its Hypervisor. */
  host: string;
  /** Of Migrations. */
  namespace: string;
  /**
   * Where no kubelet is: the agent says of the Node what a kubelet would, and this address. null: a
   * kubelet does.
   */
  node: { address: string | null } | null;
  /** Everything is looked at again after this, whatever was told. */
  lookEveryMs: number;
  /** Two looks are as far apart at least, however much is told. */
  lookPauseMs: number;
  /**
   * The same where guests alone have changed: on a host that takes many, each look is a write that
   * all who watch hypervisors read.
   */
  guestsPauseMs: number;
  /** Of the daemons. */
  unitsEveryMs: number;
  /** Of a migration that is under way. */
  progressEveryMs: number;
  /** A Migration is kept so long after its end. */
  keepMigrationsMs: number;
}

export const nodeAgentDefaults: Omit<NodeAgentConfig, 'host' | 'node'> = {
  namespace: 'default',
  lookEveryMs: 60_000,
  lookPauseMs: 500,
  guestsPauseMs: 20_000,
  unitsEveryMs: 5_000,
  progressEveryMs: 1_000,
  keepMigrationsMs: 3_600_000,
};

export interface NodeAgentDeps {
  facts: NodeFacts;
  /** It owns what it writes by the name under which this client was made. */
  kube: Kube;
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  log: Log;
  config: NodeAgentConfig;
}
