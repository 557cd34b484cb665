// What every role of Cinder needs; compose makes it. What a role needs beside it stands in its
// role.ts.
import { hostname } from 'node:os';
import type { ServiceDeps } from '#openstack/service-deps.ts';
import type { SagaQueue } from '#platform/saga/queue.ts';
import type { QuotaLimits } from './domain/quota.ts';
import { quotaDefaults } from './domain/quota.ts';
import type { CinderTables } from './store/tables.ts';

export interface CinderConfig {
  /** The part before the @ in `os-vol-host-attr:host`. */
  controlHost: string;
  defaultZone: string;
  /** Per project, where it has no quota of its own; -1: no limit. */
  quotas: QuotaLimits;
  maxListLimit: number;
  /** How old a backend's figures may be when a volume is placed by them. */
  statsMaxAgeMs: number;
  /** A service unheard for longer is down. */
  serviceDownMs: number;
  heartbeatMs: number;
  /** Messages of failed operations are kept for so long. */
  keepMessagesMs: number;
  /** How long another role or the broker may be away before an operation fails. */
  peerAwayMs: number;
  /** How long Nova may take to switch a running guest to a snapshot's new file. */
  assistedSnapshotTimeoutMs: number;
  /** Bounds a step that moves a whole volume's bytes: copies, imports, exports, backups. */
  copyTimeoutMs: number;
  /** A stream that gives nothing for so long is given up. */
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
  /** Of `database`. */
  sagas: SagaQueue;
}
