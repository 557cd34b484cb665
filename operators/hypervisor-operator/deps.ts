// Dependencies of the Hypervisor Operator, provided by compose. It uses only the public APIs of
// OpenStack and Kubernetes, so it works with any implementation of either.
import type { NeutronAgents } from '#openstack/clients/neutron-agents.ts';
import type { NovaFleet } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { Kube } from '#ports/kube.ts';

export interface OperatorDeps {
  /**
   * Creates a client with its own field manager, so that each controller owns the fields it writes.
   */
  kubeFor(manager: string): Kube;
  nova: NovaFleet;
  network: NeutronAgents;
  placement: OperatorPlacement;
  clock: Clock;
  log: Log;
  /** The metrics of this process, in which the operator is started once; default: none. */
  metrics?: Metrics;
  config: OperatorConfig;
}

export type OperatorPlacement = Pick<
  Placement,
  | 'traits'
  | 'setTraits'
  | 'createTrait'
  | 'consumers'
  | 'release'
  | 'deleteProvider'
  | 'allocations'
  | 'candidates'
>;

export interface OperatorConfig {
  /** Maximum number of concurrent migrations off one host. */
  evictionsPerHost: number;
  /** A server that has not moved after this time counts as stuck. */
  evictionTimeoutMs: number;
  /** How often moving a server is attempted before it counts as stuck. */
  evictionAttempts: number;
  /** Pause between two attempts for one server. */
  evictionPauseMs: number;
  /** Name of the image of the server that tests a new host. */
  testImage: string;
  /** Name of that server's flavor. */
  testFlavor: string;
  /** Time within which the test server must print its name on its console. */
  testTimeoutMs: number;
  /** Number of failed test servers after which onboarding fails. */
  testAttempts: number;
  /**
   * The aggregate to which a host belongs during its test, besides its zone's; '': none, so that
   * only the disabled compute service keeps tenants off the host.
   */
  testAggregate: string;
  /** Namespaces of the agents' pods, which must be gone before a host is offboarded. */
  agentNamespaces: readonly string[];
}

export const operatorDefaults: OperatorConfig = {
  evictionsPerHost: 2,
  evictionTimeoutMs: 15 * 60_000,
  evictionAttempts: 5,
  evictionPauseMs: 15_000,
  testImage: 'tiny',
  testFlavor: 'm1.nano',
  testTimeoutMs: 5 * 60_000,
  testAttempts: 3,
  testAggregate: '',
  agentNamespaces: [],
};
