// Migrations of servers between hosts, spelled as in the API.
// https://docs.openstack.org/api-ref/compute/#list-migrations

export const migrationTypes = ['resize', 'migration', 'live-migration', 'evacuation'] as const;
/** The kind of a migration. `migration` is a cold one, which keeps the flavor. */
export type MigrationType = (typeof migrationTypes)[number];

export const migrationStatuses = [
  'accepted',
  'queued',
  'preparing',
  'running',
  'pre-migrating',
  'migrating',
  'post-migrating',
  'finished',
  'confirming',
  'confirmed',
  'reverting',
  'reverted',
  'done',
  'completed',
  'cancelled',
  'failed',
  'error',
] as const;
export type MigrationStatus = (typeof migrationStatuses)[number];
