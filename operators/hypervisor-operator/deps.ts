// What the Hypervisor Operator is given by compose. It speaks to OpenStack and to Kubernetes by
// their public APIs alone, so it works with any of either.
import type { NeutronAgents } from '#openstack/clients/neutron-agents.ts';
import type { NovaFleet } from '#openstack/clients/nova-fleet.ts';
import type { Placement } from '#openstack/clients/placement.ts';
import type { Clock } from '#platform/clock.ts';
import type { Log } from '#platform/log.ts';
import type { Kube } from '#ports/kube.ts';

export interface OperatorDeps {
  /** A client for each controller, so that each owns the fields that it writes. */
  kubeFor(manager: string): Kube;
  nova: NovaFleet;
  network: NeutronAgents;
  placement: OperatorPlacement;
  clock: Clock;
  log: Log;
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
  /** Migrations off one host at once. */
  evictionsPerHost: number;
  /** A machine that has not moved by then is called stuck, and the eviction ends. */
  evictionTimeoutMs: number;
  /** How often a machine is tried before it is given up. */
  evictionAttempts: number;
  evictionPauseMs: number;
  /** Of the machine that tests a new host, by name. */
  testImage: string;
  testFlavor: string;
  /** Until it has said its name on its console. */
  testTimeoutMs: number;
  /** After so many machines the host has failed. */
  testAttempts: number;
  /**
   * The aggregate, beside that of its zone, that a host is in while it is tested; '': none, a host
   * is then kept from tenants by its disabled service alone.
   */
  testAggregate: string;
  /** Of pods that must have left a host before it is offboarded: its agents. */
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
