// Dependencies of the HA Service's roles, provided by compose. The service uses only OpenStack's
// public API, so it works with any OpenStack.
import type { NovaRecovery } from '#openstack/clients/nova-recovery.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { Metrics } from '#platform/metrics/metrics.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import type { Kube } from '#ports/kube.ts';
import type { HaTables } from './store/tables.ts';

export interface HaConfig {
  /** If false, heartbeats are stored but a missing heartbeat has no consequences. */
  enabled: boolean;
  /** A host without a heartbeat for longer becomes suspect. */
  agentTimeoutMs: number;
  /**
   * If a host's mark on the shared storage does not change for longer, that is evidence against it.
   */
  storageTimeoutMs: number;
  /** How long two sources must agree that a host is dead before it is fenced. */
  confirmMs: number;
  /** After a start of this service: how long a host may take to send its first heartbeat. */
  startGraceMs: number;
  /** More hosts than this failing at the same time are not fenced. */
  maxHosts: number;
  /**
   * If more than this percentage of a zone's hosts fail at the same time, none of them is fenced. A
   * single failing host may be fenced, unless no host of any zone is heard.
   */
  maxZonePercent: number;
  /** Consecutive readings of the BMC that must say that the chassis is off. */
  fencingVerifications: number;
  /** After this time without an answer fencing no longer waits for the BMC. */
  bmcGiveUpMs: number;
  /**
   * A host that is cut off from everything for longer kills its guests by its watchdog; 0: no
   * watchdog.
   */
  selfFencingMs: number;
  /** Pause before fencing that failed is tried again. */
  fencingRetryMs: number;
  /** Limit of concurrent evacuations off one failed host. */
  evacuationsAtOnce: number;
  /** Limit of those evacuations that go to the same target host. */
  evacuationsPerTarget: number;
  /** Attempts for each server. */
  evacuationAttempts: number;
  /** An attempt that Nova has not completed after this time counts as failed. */
  evacuationTimeoutMs: number;
  /** How often a guest that keeps dying is restarted. */
  guestRestarts: number;
  /** The count of restarts is reset when the last one is this long ago. */
  guestForgetMs: number;
  /** A host whose libvirtd does not answer for longer gets its compute service disabled. */
  hypervisorAwayMs: number;
  /** Number of neighbours on each side in the ring of hosts that an agent probes. */
  neighboursPerSide: number;
}

export const haDefaults: HaConfig = {
  enabled: false,
  agentTimeoutMs: 4_000,
  storageTimeoutMs: 8_000,
  confirmMs: 2_000,
  startGraceMs: 60_000,
  maxHosts: 10,
  maxZonePercent: 25,
  fencingVerifications: 3,
  bmcGiveUpMs: 15_000,
  selfFencingMs: 30_000,
  fencingRetryMs: 30_000,
  evacuationsAtOnce: 20,
  evacuationsPerTarget: 4,
  evacuationAttempts: 3,
  evacuationTimeoutMs: 15 * 60_000,
  guestRestarts: 3,
  guestForgetMs: 10 * 60_000,
  hypervisorAwayMs: 30_000,
  neighboursPerSide: 3,
};

/** Dependencies of the API, which needs no drivers. */
export interface HaApiDeps {
  database: Database<HaTables>;
  nova: NovaRecovery;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: HaConfig;
  /** Secret of the host's HA agent, which authenticates its heartbeats. */
  agentSecretOf(host: string): Secret;
  /** Whether a BMC is configured for the host. */
  hasBmc(host: string): boolean;
}

export interface HaEngineDeps {
  database: Database<HaTables>;
  nova: NovaRecovery;
  bmcs: BmcDirectory;
  /**
   * The client of the Kubernetes API; undefined: none is configured, or it is not connected yet.
   */
  kube(): Kube | undefined;
  /**
   * Where the engine registers its metrics: those of this process, which runs one engine. Default:
   * nowhere.
   */
  metrics?: Metrics;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: HaConfig;
}
