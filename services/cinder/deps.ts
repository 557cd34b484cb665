// What every role of Cinder needs; created by compose. A role's further deps are in its role.ts.
import { hostname } from 'node:os';
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import type { QuotaLimits } from './domain/quota.ts';
import { quotaDefaults } from './domain/quota.ts';
import type { CinderTables } from './store/tables.ts';

export interface CinderConfig {
  /** `<control host>` in `os-vol-host-attr:host`, `<control host>@<backend>#<pool>`. */
  controlHost: string;
  defaultZone: string;
  /** The quota of a project that has none of its own; -1: no limit. */
  quotas: QuotaLimits;
  maxListLimit: number;
  /** How old a backend's figures may be when a volume is placed. */
  statsMaxAgeMs: number;
  /** A service whose last heartbeat is older than this is down. */
  serviceDownMs: number;
  /** Interval of the heartbeats of Cinder's services. */
  heartbeatMs: number;
  /** How long user messages of failed operations are kept. */
  keepMessagesMs: number;
  /** How long another role or the broker may be unreachable before an operation fails. */
  peerAwayMs: number;
  /** How long Nova may take to switch a running guest to a snapshot's new file. */
  assistedSnapshotTimeoutMs: number;
  /** Deadline of a step that moves a whole volume's data: copies, imports, exports, backups. */
  copyTimeoutMs: number;
  /** A download or upload that moves no bytes for so long is aborted. */
  stallMs: number;
}

export const cinderDefaults: CinderConfig = {
  controlHost: hostname(),
  defaultZone: 'nova',
  quotas: quotaDefaults,
  maxListLimit: 1000,
  statsMaxAgeMs: 5_000,
  serviceDownMs: 60_000,
  heartbeatMs: 10_000,
  keepMessagesMs: 30 * 24 * 3_600_000,
  peerAwayMs: 20_000,
  assistedSnapshotTimeoutMs: 600_000,
  copyTimeoutMs: 3_600_000,
  stallMs: 60_000,
};

export interface CinderDeps extends ServiceDeps<CinderTables, CinderConfig> {
  /** The saga queue of `database`. */
  sagas: SagaQueue;
}
