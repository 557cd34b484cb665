// Backups: full copies of volumes in the backup store.
// https://docs.openstack.org/api-ref/block-storage/v3/#backups-backups
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { changeBackup } from '../store/backups.ts';
import { metadataIn } from '../store/rows.ts';
import type { BackupRow } from '../store/tables.ts';
import { backupActionRoute, deleteBackup } from './backup-actions.ts';
import type { WantedBackup } from './create-backup.ts';
import { createBackup } from './create-backup.ts';
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
import { listRoutes } from './list-routes.ts';
import { linksOf } from './request.ts';
import type { Request } from './request.ts';
import { requestedBackup, restoreToNewVolume, restoreToVolume } from './restore.ts';
import { timeOrNull, timeText } from './times.ts';

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
const userSince = 56;

const rules: ListRules<'backups'> = {
  table: 'backups',
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
  const { db } = deps.database;
  const { clock } = deps;
  const requested = async (request: Request): Promise<Outcome<BackupRow>> =>
    await requestedBackup(deps, request, request.params['id'] ?? '');
  return [
    ...listRoutes(deps, {
      path: '/backups',
      policy: 'backup:get_all',
      rules,
      summary: (request, rows) => rows.map((row) => summary(request, row)),
      detail: (request, rows) => rows.map((row) => detail(request, row)),
    }),
    route<{ backup: WantedBackup }>('POST', '/backups', {
      policy: 'backup:create',
      body: createBody,
      faults: ['notFound', 'overQuota'],
      handler: async (request) => {
        const row = await createBackup(deps, request, request.body.backup);
        return isFault(row) ? row : { status: 202, body: { backup: summary(request, row) } };
      },
    }),
    route('GET', '/backups/:id', {
      policy: 'backup:get',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return isFault(row) ? row : { status: 200, body: { backup: detail(request, row) } };
      },
    }),
    route<{ backup: Pick<WantedBackup, 'name' | 'description' | 'metadata'> }>(
      'PUT',
      '/backups/:id',
      {
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
      },
    ),
    route('DELETE', '/backups/:id', {
      policy: 'backup:delete',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return isFault(row) ? row : await deleteBackup(deps, request, row, false);
      },
    }),
    route<{ restore: { volume_id?: string | null; name?: string | null } }>(
      'POST',
      '/backups/:id/restore',
      {
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
      },
    ),
    backupActionRoute(deps),
  ];
}
