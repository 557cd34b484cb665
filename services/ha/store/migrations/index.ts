// The HA Service's schema migrations in the order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { taskLeasesMigration } from '#platform/tasks/migrations.ts';
import { hosts } from './0001-hosts.ts';
import { moves } from './0002-moves.ts';
import { segments } from './0004-segments.ts';
import { guests } from './0005-guests.ts';
import { ranGuests } from './0006-ran-guests.ts';

export const migrations: readonly Migration[] = [
  hosts,
  moves,
  taskLeasesMigration('0003-task-leases'),
  segments,
  guests,
  ranGuests,
];
