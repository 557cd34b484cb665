// Glance's migrations, in order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { namedLocksMigration } from '#platform/db/named-lock.ts';
import { taskLeasesMigration } from '#platform/tasks/migrations.ts';
import { images } from './0001-images.ts';
import { purgedImageIds } from './0002-purged-image-ids.ts';
import { uploadOwner } from './0004-upload-owner.ts';

export const migrations: readonly Migration[] = [
  images,
  purgedImageIds,
  taskLeasesMigration('0003-task-leases'),
  uploadOwner,
  namedLocksMigration('0005-named-locks'),
];
