// Cinder's migrations, in order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { sagaKeysMigration, sagaMigration } from '#platform/saga/migrations.ts';
import { taskLeasesMigration } from '#platform/tasks/migrations.ts';
import { volumes } from './0002-volumes.ts';
import { typesAndQuotas } from './0003-types-and-quotas.ts';
import { backupData } from './0004-backup-data.ts';
import { volumesByHost } from './0007-volumes-by-host.ts';

export const migrations: readonly Migration[] = [
  sagaMigration,
  volumes,
  typesAndQuotas,
  backupData,
  sagaKeysMigration('0005-saga-keys'),
  taskLeasesMigration('0006-task-leases'),
  volumesByHost,
];
