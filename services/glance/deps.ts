// What Glance needs from outside, and its settings with their defaults. Filled in by compose.
import type { Clock } from '#platform/clock.ts';
import type { Database } from '#platform/db/database.ts';
import type { Ids } from '#platform/ids.ts';
import type { Log } from '#platform/log.ts';
import type { ImageStore } from '#ports/image-store.ts';
import type { GlanceTables } from './store/tables.ts';

export interface GlanceConfig {
  /** The largest image that is taken. Stock: image_size_cap, 1 TiB. */
  maxImageBytes: number;
  /** All images of one project together. */
  projectQuotaBytes: number;
  /** An upload from which nothing comes for so long is given up. */
  uploadStallMs: number;
  /**
   * An upload of another process that has not been heard of for so long is taken for dead. The
   * process that has it says four times within this that it lives.
   */
  uploadLeaseMs: number;
  /** For how long a deleted image's record stays. Its id is never given again. */
  keepDeletedMs: number;
  maxListLimit: number;
  defaultListLimit: number;
  maxProperties: number;
  maxTags: number;
  maxMembers: number;
  /** Data that is not of its image's disk_format is refused. Stock: require_image_format_match. */
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
   * Names this process among those on the database, one life at a time: what it was uploading in an
   * earlier life is dead at its next start.
   */
  processName: string;
  config?: Partial<GlanceConfig>;
}
