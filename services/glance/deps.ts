// What Glance needs from outside, and its settings with defaults. Created by compose.
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { ImageStore } from '#ports/image-store.ts';
import type { GlanceTables } from './store/tables.ts';

export interface GlanceConfig {
  /** Largest size of an image's data. Stock: image_size_cap, 1 TiB. */
  maxImageBytes: number;
  /** Total size of a project's images. */
  projectQuotaBytes: number;
  /** An upload that sends no data for so long is aborted. */
  uploadStallMs: number;
  /**
   * Lease of an upload: one of another process whose heartbeat is older is considered dead.
   * Heartbeats are sent four times per lease time.
   */
  uploadLeaseMs: number;
  /** How long the record of a deleted image is kept. Its id is never used again. */
  keepDeletedMs: number;
  maxListLimit: number;
  defaultListLimit: number;
  maxProperties: number;
  maxTags: number;
  maxMembers: number;
  /** Refuses data whose content does not match disk_format. Stock: require_image_format_match. */
  requireFormatMatch: boolean;
}

export const glanceDefaults: GlanceConfig = {
  maxImageBytes: 2 ** 40,
  projectQuotaBytes: 8 * 2 ** 40,
  uploadStallMs: 60_000,
  uploadLeaseMs: 30_000,
  keepDeletedMs: 90 * 24 * 3_600_000,
  maxListLimit: 1000,
  defaultListLimit: 25,
  maxProperties: 128,
  maxTags: 128,
  maxMembers: 128,
  requireFormatMatch: true,
};

export interface GlanceDeps {
  database: Database<GlanceTables>;
  store: ImageStore;
  clock: Clock;
  ids: Ids;
  log: Log;
  /**
   * A name for this process that is unique on the database and stays the same over restarts: after
   * a restart, uploads in this name are dead.
   */
  processName: string;
  config?: Partial<GlanceConfig>;
}
