// What the roles of the HA Service need from outside. Filled in by compose. It speaks to OpenStack
// by its public API alone, so it works with any.
import type { NovaRecovery } from '#openstack/clients/nova-recovery.ts';
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log, Secret } from '#platform/log.ts';
import type { BmcDirectory } from '#ports/bmc.ts';
import type { Kube } from '#ports/kube.ts';
import type { HaTables } from './store/tables.ts';

export interface HaConfig {
  /** Off: heartbeats are taken, and nothing follows from their absence. */
  enabled: boolean;
  /** A host whose agent has not been heard for longer is suspect. */
  agentTimeoutMs: number;
  /** A heartbeat on the shared storage that has not changed for longer counts against its host. */
  storageTimeoutMs: number;
  /** Two sources must agree for so long. */
  confirmMs: number;
  /** How long a host may take to be heard first, after a start of this service. */
  startGraceMs: number;
  /** Hosts that may fail together. */
  maxHosts: number;
  maxZonePercent: number;
  /** Times in a row that a BMC must say that the chassis is off. */
  fencingVerifications: number;
  /** A BMC that has not answered for longer is given up. */
  bmcGiveUpMs: number;
  /** Of hosts: cut off from everybody for longer, their watchdogs end their guests; 0: none. */
  selfFencingMs: number;
  /** How long after a failure fencing is tried again. */
  fencingRetryMs: number;
  /** Evacuations at once, in all and to one host. */
  evacuationsAtOnce: number;
  evacuationsPerTarget: number;
  evacuationAttempts: number;
  evacuationTimeoutMs: number;
  /** Starts of a guest that dies again and again, and how long it must run to begin anew. */
  guestRestarts: number;
  guestForgetMs: number;
  /** A host whose libvirtd has not answered for longer is disabled. */
  hypervisorAwayMs: number;
  /** Hosts on each side in the ring at which an agent looks. */
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

/** Of the API: it has no driver. */
export interface HaApiDeps {
  database: Database<HaTables>;
  nova: NovaRecovery;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: HaConfig;
  /** Of the host's HA Agent, by which its heartbeats are known. */
  agentSecretOf(host: string): Secret;
  /** Whether the host has a BMC. */
  hasBmc(host: string): boolean;
}

export interface HaEngineDeps {
  database: Database<HaTables>;
  nova: NovaRecovery;
  bmcs: BmcDirectory;
  /** undefined: there is none (yet). */
  kube(): Kube | undefined;
  clock: Clock;
  ids: Ids;
  log: Log;
  config: HaConfig;
}
