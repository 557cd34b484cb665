// What every role of Nova needs, and its configuration. compose/ provides it.
import { hostname } from 'node:os';
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { Secret } from '#platform/log.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import type { NovaTables } from './store/tables.ts';

export interface NovaConfig {
  /** Under which host name conductor and scheduler are listed among the services. */
  controlHost: string;
  /** Zone of hosts whose aggregate names none. */
  defaultZone: string;
  /** A compute service unseen for longer is down. */
  serviceDownMs: number;
  heartbeatMs: number;
  /** How long a guest may take to shut down before its plug is pulled. */
  shutdownTimeoutMs: number;
  consoleTokenMs: number;
  /** Where browsers reach the console pages, e.g. http://127.0.0.1:8774/console. */
  consoleBaseUrl: string;
  /** How long an agent, scheduler or broker may be away before an operation on a server fails. */
  agentAwayMs: number;
  /** Hosts tried for one server, the first included. */
  maxBuildAttempts: number;
  /** A resize that waits for a confirmation longer is confirmed by itself; 0: never. */
  resizeConfirmWindowMs: number;
  /** The scheduler asks Cortex for the best hosts, where it answers. */
  asksCortex: boolean;
  maxListLimit: number;
  /** Deleted servers stay readable for so long. */
  keepDeletedMs: number;
  /** How long Neutron may take to plug a new server's interfaces. */
  vifPluggingTimeoutMs: number;
  /**
   * From one round of the task heal-network-info.ts to the next. A round reads the network info of
   * a fixed number of servers anew, so the more servers there are, the longer each one waits.
   */
  healNetworkInfoMs: number;
  /** How long a shelved server stays on its host; 0: not at all; -1: until it is offloaded. */
  shelvedOffloadMs: number;
  /**
   * A live migration that takes longer, for each GiB of memory and of disks that it moves, is ended
   * as `liveMigrationTimeoutAction` says; 0: none ever is. Upstream:
   * live_migration_completion_timeout.
   */
  liveMigrationCompletionTimeoutMs: number;
  liveMigrationTimeoutAction: 'abort' | 'force_complete';
  liveMigrationPermitPostCopy: boolean;
  liveMigrationPermitAutoConverge: boolean;
  /** MiB/s; 0: as fast as the network is. */
  liveMigrationBandwidth: number;
  /**
   * Shared with the metadata proxies, which sign with it whom they speak for; null: nobody is
   * believed.
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
  /** Of `database`. */
  sagas: SagaQueue;
}
