// Nova's schema migrations in the order of application.
import type { Migration } from '#platform/db/migrate.ts';
import { sagaKeysMigration, sagaMigration } from '#platform/saga/migrations.ts';
import { taskLeasesMigration } from '#platform/tasks/migrations.ts';
import { servers } from './0002-servers.ts';
import { catalog } from './0003-catalog.ts';
import { networks } from './0004-networks.ts';
import { volumes } from './0005-volumes.ts';
import { makings } from './0006-makings.ts';
import { rootTag } from './0007-root-tag.ts';
import { stoppedServices } from './0008-stopped-services.ts';
import { pendingResources } from './0010-pending-resources.ts';
import { schedulerHints } from './0012-scheduler-hints.ts';
import { serverGroups } from './0013-server-groups.ts';
import { shelvedServers } from './0013-shelved-servers.ts';
import { serverMigrations } from './0014-migrations.ts';

export const migrations: readonly Migration[] = [
  sagaMigration,
  servers,
  catalog,
  networks,
  volumes,
  makings,
  rootTag,
  stoppedServices,
  sagaKeysMigration('0009-saga-keys'),
  pendingResources,
  taskLeasesMigration('0011-task-leases'),
  schedulerHints,
  serverGroups,
  shelvedServers,
  serverMigrations,
];
