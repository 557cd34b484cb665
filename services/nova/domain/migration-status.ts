// How a migration's status goes on, by its type. Read by the API, the conductor and the agents'
// reconciliation. Pure.
import type { MigrationStatus, MigrationType } from '#contracts/nova/migration-states.ts';

/** Of a live migration: shown below its server, with links, and may be aborted or completed. */
export const liveInProgress: readonly MigrationStatus[] = [
  'queued',
  'preparing',
  'running',
  'post-migrating',
];

type Follows = Partial<Record<MigrationStatus, readonly MigrationStatus[]>>;

const cold: Follows = {
  'pre-migrating': ['migrating', 'error'],
  migrating: ['post-migrating', 'error'],
  'post-migrating': ['finished', 'error'],
  finished: ['confirming', 'reverting', 'error'],
  // A confirmation or revert that failed may be asked for again.
  confirming: ['confirmed', 'finished', 'error'],
  reverting: ['reverted', 'finished', 'error'],
};

/** nova.objects.migration, nova.compute.manager and nova.conductor.tasks. */
const followsByType: Readonly<Record<MigrationType, Follows>> = {
  resize: cold,
  migration: cold,
  'live-migration': {
    accepted: ['queued', 'preparing', 'error', 'failed'],
    queued: ['preparing', 'cancelled', 'error', 'failed'],
    // Again for another host where one has refused the guest.
    preparing: ['preparing', 'running', 'cancelled', 'error', 'failed'],
    running: ['post-migrating', 'completed', 'cancelled', 'error', 'failed'],
    'post-migrating': ['completed', 'error', 'failed'],
  },
  evacuation: {
    accepted: ['pre-migrating', 'failed', 'error'],
    'pre-migrating': ['done', 'failed', 'error'],
    // The source has come back and has destroyed its copy.
    done: ['completed', 'failed'],
  },
};

/** The statuses of this type from which `next` is reached. */
export const statusesBefore = (type: MigrationType, next: MigrationStatus): MigrationStatus[] =>
  (Object.entries(followsByType[type]) as [MigrationStatus, readonly MigrationStatus[]][])
    .filter(([, following]) => following.includes(next))
    .map(([status]) => status);

/** A move that is not over has its server's claim on the source, and maybe a copy of its guest. */
export const openStatuses: readonly MigrationStatus[] = [
  ...new Set(
    Object.values(followsByType).flatMap((follows) => Object.keys(follows) as MigrationStatus[]),
  ),
];

/** Nothing follows: the migration is history. */
export const isOver = (type: MigrationType, status: MigrationStatus): boolean =>
  (followsByType[type][status] ?? []).length === 0;
