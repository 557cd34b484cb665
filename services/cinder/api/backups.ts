// Backups: full copies in a second store.
// https://docs.openstack.org/api-ref/block-storage/v3/#backups-backups
import Type from 'typebox';
import { backupLock, volumeLock } from '#contracts/cinder/operations.ts';
import { backupStatuses } from '#contracts/cinder/volume-states.ts';
import type { BackupStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { BackedUpFacts } from '../store/backups.ts';
import { changeBackup, changeBackupIn, dataIdOf, insertBackup } from '../store/backups.ts';
import { enqueueOperation } from '../store/operations.ts';
import { metadataIn } from '../store/rows.ts';
import { changeSnapshotIn, findSnapshot, insertSnapshot } from '../store/snapshots.ts';
import type { BackupRow, SnapshotRow } from '../store/tables.ts';
import { changeVolumeIn, findVolume, lockVolume } from '../store/volumes.ts';
import { action, actionRoute } from './actions.ts';
import {
  booleanSchema,
  descriptionSchema,
  idSchema,
  metadataSchema,
  nameSchema,
  orNull,
  strict,
} from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { readPage } from './list-query.ts';
import { booleanOf, linksOf, scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { requestedBackup, restoreToNewVolume, restoreToVolume } from './restore.ts';
import { newSnapshotRow } from './snapshots.ts';
import { takeQuota } from './take-quota.ts';
import { timeOrNull, timeText } from './times.ts';

interface Wanted {
  volume_id: string;
  snapshot_id?: string | null;
  name?: string | null;
  description?: string | null;
  container?: string | null;
  incremental?: boolean | string | null;
  force?: boolean | string | null;
  metadata?: Record<string, string> | null;
}
const createBody = Type.Object(
  {
    backup: Type.Object(
      {
        volume_id: idSchema,
        snapshot_id: Type.Optional(orNull(idSchema)),
        name: nameSchema,
        description: descriptionSchema,
        container: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
        incremental: Type.Optional(orNull(booleanSchema)),
        force: Type.Optional(orNull(booleanSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
        availability_zone: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
      },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  {
    backup: Type.Object(
      {
        name: nameSchema,
        description: descriptionSchema,
        metadata: Type.Optional(orNull(metadataSchema)),
      },
      { ...strict, minProperties: 1 },
    ),
  },
  strict,
);
const restoreBody = Type.Object(
  {
    restore: Type.Object({ volume_id: Type.Optional(orNull(idSchema)), name: nameSchema }, strict),
  },
  strict,
);
const updateSince = 9;
const metadataSince = 43;
const countSince = 45;
const userSince = 56;

const rules: ListRules<'backups'> = {
  table: 'backups',
  collection: 'backups',
  text: {
    id: 'id',
    name: 'name',
    status: 'status',
    volume_id: 'volume_id',
    snapshot_id: 'snapshot_id',
    project_id: 'project_id',
    user_id: 'user_id',
    availability_zone: 'availability_zone',
    container: 'container',
    description: 'description',
  },
  numbers: { size: 'size_gib' },
  entries: { metadata: 'metadata_json' },
  members: ['name', 'status', 'volume_id'],
  counted: true,
  sort: {
    id: 'id',
    name: 'name',
    status: 'status',
    size: 'size_gib',
    created_at: 'created_at_ms',
    updated_at: 'updated_at_ms',
    volume_id: 'volume_id',
    availability_zone: 'availability_zone',
    container: 'container',
    data_timestamp: 'data_at_ms',
  },
};

const summary = (request: Request, row: BackupRow): JsonObject => ({
  id: row.id,
  name: row.name,
  links: linksOf(request, 'backups', row.id),
});
const detail = (request: Request, row: BackupRow): JsonObject => ({
  ...summary(request, row),
  status: row.status,
  size: row.size_gib,
  object_count: row.object_count,
  container: row.container,
  description: row.description,
  availability_zone: row.availability_zone,
  created_at: timeText(row.created_at_ms),
  updated_at: timeOrNull(row.updated_at_ms),
  volume_id: row.volume_id,
  snapshot_id: row.snapshot_id,
  fail_reason: row.fail_reason,
  is_incremental: false,
  has_dependent_backups: false,
  data_timestamp: timeOrNull(row.data_at_ms),
  ...(request.allows('admin_api') ? { 'os-backup-project-attr:project_id': row.project_id } : {}),
  ...(request.version >= metadataSince ? { metadata: metadataIn(row.metadata_json) } : {}),
  ...(request.version >= userSince ? { user_id: row.user_id } : {}),
  ...(request.version >= 64 ? { encryption_key_id: null } : {}),
});

export function backupRoutes(deps: HandlerDeps): readonly Route[] {
  const {
    database: { db },
    clock,
  } = deps;
  const requested = async (request: Request): Promise<Outcome<BackupRow>> =>
    await requestedBackup(deps, request, request.params['id'] ?? '');
  const list =
    (view: typeof summary) =>
    async (request: Request): Promise<Outcome<Reply>> => {
      const page = await readPage(deps, request, rules);
      if (isFault(page)) return page;
      return {
        status: 200,
        body: {
          backups: page.rows.map((row) => view(request, row)),
          ...(page.links && { backups_links: page.links }),
          ...(page.count === undefined || request.version < countSince
            ? {}
            : { count: page.count }),
        },
      };
    };
  return [
    route({
      method: 'GET',
      path: '/backups',
      policy: 'backup:get_all',
      faults: ['notFound'],
      handler: list(summary),
    }),
    route({
      method: 'GET',
      path: '/backups/detail',
      policy: 'backup:get_all',
      faults: ['notFound'],
      handler: list(detail),
    }),
    route<{ backup: Wanted }>({
      method: 'POST',
      path: '/backups',
      policy: 'backup:create',
      body: createBody,
      faults: ['notFound', 'overQuota'],
      handler: async (request) => {
        const row = await create(deps, request, request.body.backup);
        return isFault(row) ? row : { status: 202, body: { backup: summary(request, row) } };
      },
    }),
    route({
      method: 'GET',
      path: '/backups/:id',
      policy: 'backup:get',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return isFault(row) ? row : { status: 200, body: { backup: detail(request, row) } };
      },
    }),
    route<{ backup: Pick<Wanted, 'name' | 'description' | 'metadata'> }>({
      method: 'PUT',
      path: '/backups/:id',
      since: updateSince,
      policy: 'backup:update',
      body: updateBody,
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        const { name, description, metadata } = request.body.backup;
        await changeBackup(
          db,
          row.id,
          {
            ...(name === undefined ? {} : { name }),
            ...(description === undefined ? {} : { description }),
            ...(metadata ? { metadata_json: JSON.stringify(metadata) } : {}),
          },
          clock.now(),
        );
        const now = await requested(request);
        return isFault(now) ? now : { status: 200, body: { backup: summary(request, now) } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/backups/:id',
      policy: 'backup:delete',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return isFault(row) ? row : await remove(deps, request, row, false);
      },
    }),
    route<{ restore: { volume_id?: string | null; name?: string | null } }>({
      method: 'POST',
      path: '/backups/:id/restore',
      policy: 'backup:restore',
      body: restoreBody,
      faults: ['notFound', 'overQuota', 'conflict'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        const { volume_id, name } = request.body.restore;
        const volume = volume_id
          ? await restoreToVolume(deps, request, row, volume_id)
          : await restoreToNewVolume(deps, request, row.id, {
              name: name ?? `restore_backup_${row.id}`,
            });
        return isFault(volume)
          ? volume
          : {
              status: 202,
              body: {
                restore: {
                  backup_id: row.id,
                  volume_id: volume.id,
                  volume_name: volume.name ?? '',
                },
              },
            };
      },
    }),
    actionRoute<BackupRow>(
      '/backups',
      requested,
      {
        'os-reset_status': action<BackupRow, { status: BackupStatus }>({
          policy: 'volume_extension:backup_admin_actions:reset_status',
          body: Type.Object(
            { status: Type.Union(backupStatuses.map((status) => Type.Literal(status))) },
            strict,
          ),
          run: async (_, row, { status }) => {
            await changeBackup(db, row.id, { status }, clock.now());
            return { status: 202 };
          },
        }),
        'os-force_delete': action<BackupRow>({
          policy: 'volume_extension:backup_admin_actions:force_delete',
          body: Type.Any(),
          run: async (request, row) => await remove(deps, request, row, true),
        }),
      },
      'volume_extension:backup_admin_actions:reset_status',
    ),
  ];
}

async function create(
  deps: HandlerDeps,
  request: Request,
  wanted: Wanted,
): Promise<Outcome<BackupRow>> {
  const {
    database: { db },
    ids,
    clock,
    config,
  } = deps;
  if (booleanOf(wanted.incremental ?? false))
    return fault(
      'badRequest',
      'Invalid backup: incremental backups are not offered: leave `incremental` out for a full one.',
    );
  const volume = await findVolume(db, wanted.volume_id, scopeOf(request));
  if (!volume) return fault('notFound', `Volume ${wanted.volume_id} could not be found.`);
  const snapshot = wanted.snapshot_id
    ? await findSnapshot(db, wanted.snapshot_id, scopeOf(request))
    : undefined;
  if (wanted.snapshot_id && (!snapshot || snapshot.volume_id !== volume.id))
    return fault('notFound', `Snapshot ${wanted.snapshot_id} could not be found.`);
  const facts: BackedUpFacts = {
    bootable: volume.bootable,
    metadata: metadataIn(volume.metadata_json),
    imageMetadata: metadataIn(volume.image_metadata_json),
  };
  const now = clock.now();
  const row: BackupRow = {
    id: ids.uuid(),
    project_id: volume.project_id,
    user_id: request.auth.userId,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    status: 'creating',
    fail_reason: null,
    volume_id: volume.id,
    snapshot_id: snapshot?.id ?? null,
    availability_zone: config.defaultZone,
    container: wanted.container ?? deps.backupStoreName,
    size_gib: snapshot?.size_gib ?? volume.size_gib,
    object_count: 0,
    metadata_json: JSON.stringify(wanted.metadata ?? {}),
    volume_facts_json: JSON.stringify(facts),
    data_id: null,
    data_at_ms: snapshot?.created_at_ms ?? now,
    created_at_ms: now,
    updated_at_ms: null,
  };
  let temporary: SnapshotRow | undefined;
  const refused = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    temporary = undefined; // an earlier try may have been rolled back
    await lockVolume(trx, volume.id);
    const over = await takeQuota(deps, trx, row.project_id, {
      backups: 1,
      backup_gigabytes: row.size_gib,
    });
    if (over) return over;
    const before = (await findVolume(trx, volume.id, null))?.status;
    if (snapshot) {
      if (!(await changeSnapshotIn(trx, snapshot.id, ['available'], { status: 'backing-up' }, now)))
        return fault(
          'badRequest',
          `Invalid snapshot: Snapshot to be backed up must be available, but the current status is "${snapshot.status}".`,
        );
    } else if (before === 'in-use' && booleanOf(wanted.force ?? false)) {
      // A guest writes it: a snapshot of its own stands still. Its saga comes first, as they share
      // the volume's lock; the backup's removes it.
      temporary = newSnapshotRow(deps, request, volume, { name: `backup of ${volume.id}` });
      await insertSnapshot(trx, temporary);
      await enqueueOperation(deps, trx, request.id, {
        name: 'cinder.create-snapshot',
        lockKey: volumeLock(volume.id),
        input: { snapshotId: temporary.id, volumeId: volume.id, projectId: volume.project_id },
      });
    } else if (before !== 'available') {
      return fault(
        'badRequest',
        `Invalid volume: Volume to be backed up must be available${before === 'in-use' ? ', or in-use with force' : ''}, but the current status is "${before}".`,
      );
    } else await changeVolumeIn(trx, volume.id, ['available'], { status: 'backing-up' }, now);
    await insertBackup(trx, row);
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.create-backup',
      lockKey: volumeLock(volume.id),
      input: {
        backupId: row.id,
        volumeId: volume.id,
        snapshotId: temporary?.id ?? row.snapshot_id,
        temporary: temporary !== undefined,
        projectId: row.project_id,
        before: before ?? 'available',
      },
    });
    return undefined;
  });
  if (refused) return refused;
  if (temporary) await deps.wakeVolume(request.id);
  await deps.wakeBackup(request.id);
  return row;
}

async function remove(
  deps: HandlerDeps,
  request: Request,
  row: BackupRow,
  force: boolean,
): Promise<Outcome<Reply>> {
  const {
    database: { db },
    clock,
  } = deps;
  const begun = await transaction(db, async (trx) => {
    if (
      !(await changeBackupIn(
        trx,
        row.id,
        force
          ? backupStatuses.filter((status) => status !== 'deleting')
          : ['available', 'error', 'error_deleting'],
        { status: 'deleting' },
        clock.now(),
      ))
    )
      return false;
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.delete-backup',
      lockKey: backupLock(dataIdOf(row)),
      input: { backupId: row.id, projectId: row.project_id },
    });
    return true;
  });
  if (!begun)
    return fault(
      'badRequest',
      `Invalid backup: Backup status must be available or error, but is ${row.status}.`,
    );
  await deps.wakeBackup(request.id);
  return { status: 202 };
}
