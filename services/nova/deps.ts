// Dependencies and configuration that all roles of Nova need; compose/ provides them.
import { hostname } from 'node:os';
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { Secret } from '#platform/log.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import type { NovaTables } from './store/tables.ts';

export interface NovaConfig {
  /** Host name under which conductor and scheduler appear in the list of services. */
  controlHost: string;
  /** Availability zone of hosts that are in no aggregate with a zone. */
  defaultZone: string;
  /**
   * A service of Nova (nova-compute, nova-conductor, nova-scheduler) without a heartbeat for this
   * long counts as down.
   */
  serviceDownMs: number;
  /** Interval at which conductor and scheduler write their own heartbeats. */
  heartbeatMs: number;
  /** How long a guest may take to shut down before it is powered off. */
  shutdownTimeoutMs: number;
  /** Lifetime of a console's token. */
  consoleTokenMs: number;
  /** URL of the console pages for browsers, e.g. http://127.0.0.1:8774/console. */
  consoleBaseUrl: string;
  /** How long an operation waits for an agent, scheduler or broker that is away before it fails. */
  agentAwayMs: number;
  /** Number of hosts tried for one server, including the first. */
  maxBuildAttempts: number;
  /** A resize that waits longer for its confirmation is confirmed automatically; 0: never. */
  resizeConfirmWindowMs: number;
  /**
   * Whether the scheduler asks Cortex for the best hosts. Without an answer Nova decides by itself.
   */
  asksCortex: boolean;
  maxListLimit: number;
  /** How long the rows of deleted servers are kept. */
  keepDeletedMs: number;
  /** How long Neutron may take to plug the interfaces of a guest that was started on a host. */
  vifPluggingTimeoutMs: number;
  /**
   * Interval of the task heal-network-info.ts. Each run refreshes a fixed number of servers, so the
   * time between two refreshes of a server grows with the number of servers.
   */
  healNetworkInfoMs: number;
  /**
   * How long a shelved server stays on its host; 0: offloaded at once; -1: until somebody offloads
   * it.
   */
  shelvedOffloadMs: number;
  /**
   * Limit of a live migration for each GiB of memory and local disk. When it is exceeded,
   * `liveMigrationTimeoutAction` is taken; 0: no limit. Upstream:
   * live_migration_completion_timeout.
   */
  liveMigrationCompletionTimeoutMs: number;
  liveMigrationTimeoutAction: 'abort' | 'force_complete';
  liveMigrationPermitPostCopy: boolean;
  liveMigrationPermitAutoConverge: boolean;
  /** MiB/s; 0: unlimited. */
  liveMigrationBandwidth: number;
  /**
   * Shared with the metadata proxies, which sign with it the id of the guest they ask for; null:
   * all metadata requests are refused.
   */
  metadataSecret: Secret | null;
}

export const novaDefaults: NovaConfig = {
  controlHost: hostname(),
  defaultZone: 'nova',
  serviceDownMs: 25_000,
  heartbeatMs: 10_000,
  shutdownTimeoutMs: 60_000,
  consoleTokenMs: 600_000,
  consoleBaseUrl: 'http://127.0.0.1/console',
  agentAwayMs: 20_000,
  maxBuildAttempts: 3,
  resizeConfirmWindowMs: 0,
  asksCortex: false,
  maxListLimit: 1000,
  keepDeletedMs: 90 * 24 * 3_600_000,
  vifPluggingTimeoutMs: 300_000,
  healNetworkInfoMs: 60_000,
  shelvedOffloadMs: 0,
  liveMigrationCompletionTimeoutMs: 800_000,
  liveMigrationTimeoutAction: 'abort',
  liveMigrationPermitPostCopy: false,
  liveMigrationPermitAutoConverge: false,
  liveMigrationBandwidth: 0,
  metadataSecret: null,
};

export interface NovaDeps extends ServiceDeps<NovaTables, NovaConfig> {
  /** The queue of sagas in `database`. */
  sagas: SagaQueue;
}
