// Transition tables of a migration's status, one for each type: which status may follow which, and
// which end the migration. Used by API, stores and the task that reaps claims. Pure.
import type { MigrationStatus, MigrationType } from '#contracts/nova/migration-states.ts';

/**
 * Statuses of a live migration in progress: shown below its server, with links, and may be aborted
 * or forced to complete.
 */
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
  // After a failed confirmation or revert the status returns to `finished`, so it can be requested
  // again.
  confirming: ['confirmed', 'finished', 'error'],
  reverting: ['reverted', 'finished', 'error'],
};

/**
 * Allowed next statuses. Sources: nova.objects.migration, nova.compute.manager and
 * nova.conductor.tasks.
 */
const followsByType: Readonly<Record<MigrationType, Follows>> = {
  resize: cold,
  migration: cold,
  'live-migration': {
    accepted: ['queued', 'preparing', 'error', 'failed'],
    queued: ['preparing', 'cancelled', 'error', 'failed'],
    // `preparing` repeats if a destination refused the guest and another host is tried.
    preparing: ['preparing', 'running', 'cancelled', 'error', 'failed'],
    running: ['post-migrating', 'completed', 'cancelled', 'error', 'failed'],
    'post-migrating': ['completed', 'error', 'failed'],
  },
  evacuation: {
    accepted: ['pre-migrating', 'failed', 'error'],
    'pre-migrating': ['done', 'failed', 'error'],
    // `completed` when the source host is back and has removed its copy.
    done: ['completed', 'failed'],
  },
};

/** The statuses from which a migration of this type can reach `next`. */
export const statusesBefore = (type: MigrationType, next: MigrationStatus): MigrationStatus[] =>
  (Object.entries(followsByType[type]) as [MigrationStatus, readonly MigrationStatus[]][])
    .filter(([, following]) => following.includes(next))
    .map(([status]) => status);

/**
 * Statuses with a successor. In these the migration may hold an allocation on the source host, and
 * hosts may have a copy of the guest.
 */
export const openStatuses: readonly MigrationStatus[] = [
  ...new Set(
    Object.values(followsByType).flatMap((follows) => Object.keys(follows) as MigrationStatus[]),
  ),
];

/** Whether the status is final. */
export const isOver = (type: MigrationType, status: MigrationStatus): boolean =>
  (followsByType[type][status] ?? []).length === 0;
