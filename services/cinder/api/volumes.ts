// Volumes: list, show, update, delete, summary.
// https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes
import Type from 'typebox';
import { volumeLock } from '#contracts/cinder/operations.ts';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { attachmentsOf } from '../store/attachments.ts';
import { enqueueOperation } from '../store/operations.ts';
import { changeSnapshot, snapshotsOf } from '../store/snapshots.ts';
import type { VolumeRow } from '../store/tables.ts';
import {
  changeVolume,
  changeVolumeIn,
  metadataOfVolumes,
  requireLockedVolume,
  volumeTotals,
} from '../store/volumes.ts';
import type { DisplayTexts } from './display-texts.ts';
import { changedTexts, displayTextSchemas } from './display-texts.ts';
import { metadataSchema, orNull } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { listRoutes } from './list-routes.ts';
import { first, isAdmin, requestedVolume } from './request.ts';
import type { Request } from './request.ts';
import { volumeSummary, volumeView, volumeViews } from './views.ts';

const rules: ListRules<'volumes'> = {
  table: 'volumes',
  text: {
    id: 'id',
    name: 'name',
    display_name: 'name',
    status: 'status',
    availability_zone: 'availability_zone',
    volume_type_id: 'type_id',
    project_id: 'project_id',
    user_id: 'user_id',
    host: 'host',
    snapshot_id: 'snapshot_id',
    source_volid: 'source_volid',
    description: 'description',
  },
  booleans: { bootable: 'bootable' },
  numbers: { size: 'size_gib' },
  entries: { metadata: 'metadata_json', glance_metadata: 'image_metadata_json' },
  times: { created_at: 'created_at_ms', updated_at: 'updated_at_ms' },
  members: [
    'name',
    'status',
    'metadata',
    'bootable',
    'migration_status',
    'availability_zone',
    'group_id',
    'size',
    'created_at',
    'updated_at',
    'consumes_quota',
  ],
  lateForMembers: ['size', 'migration_status', 'created_at', 'updated_at', 'consumes_quota'],
  counted: true,
  consumesQuota: true,
  strictAllTenants: true,
  sort: {
    id: 'id',
    name: 'name',
    display_name: 'name',
    status: 'status',
    size: 'size_gib',
    created_at: 'created_at_ms',
    updated_at: 'updated_at_ms',
    availability_zone: 'availability_zone',
    bootable: 'bootable',
    host: 'host',
    volume_type_id: 'type_id',
    user_id: 'user_id',
    project_id: 'project_id',
    description: 'description',
  },
};

type Update = DisplayTexts & { metadata?: Record<string, string> | null };
const updateBody = Type.Object({
  volume: Type.Object({
    ...displayTextSchemas,
    metadata: Type.Optional(orNull(metadataSchema)),
  }),
});

/** Statuses from which a volume may be deleted. cinder.volume.api, delete */
const deletable: readonly VolumeStatus[] = [
  'available',
  'error',
  'error_restoring',
  'error_extending',
  'error_deleting',
  'error_backing-up',
];
const summarySince = 12;
const summaryMetadataSince = 36;
const cascadeTexts =
  'Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.';

export function volumeRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  return [
    ...listRoutes(deps, {
      path: '/volumes',
      policy: 'volume:get_all',
      rules,
      nothing: 'Volume could not be found.',
      summary: (request, rows) => rows.map((row) => volumeSummary(request, row)),
      detail: async (request, rows) => await volumeViews(deps, request, rows, 'detail'),
    }),
    route('GET', '/volumes/summary', {
      since: summarySince,
      policy: 'volume:get_all',
      handler: async (request) => ({
        status: 200,
        body: { 'volume-summary': await summary(deps, request) },
      }),
    }),
    route('GET', '/volumes/:id', {
      policy: 'volume:get',
      faults: ['notFound'],
      handler: async (request) => {
        const volume = await requestedVolume(deps, request);
        return isFault(volume)
          ? volume
          : { status: 200, body: { volume: await volumeView(deps, request, volume, 'detail') } };
      },
    }),
    route<{ volume: Update }>('PUT', '/volumes/:id', {
      policy: 'volume:update',
      body: updateBody,
      faults: ['notFound'],
      handler: async (request) => {
        const volume = await requestedVolume(deps, request);
        if (isFault(volume)) return volume;
        const { metadata, ...texts } = request.body.volume;
        const change = {
          ...changedTexts(texts),
          ...(metadata ? { metadata_json: JSON.stringify(metadata) } : {}),
        };
        if (Object.keys(change).length === 0)
          return fault(
            'badRequest',
            'Invalid input: at least one of name, description and metadata must be given.',
          );
        await changeVolume(db, volume.id, change, clock.now());
        const now = await requestedVolume(deps, request);
        return isFault(now)
          ? now
          : { status: 200, body: { volume: await volumeView(deps, request, now, 'base') } };
      },
    }),
    route('DELETE', '/volumes/:id', {
      policy: 'volume:delete',
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const volume = await requestedVolume(deps, request);
        if (isFault(volume)) return volume;
        const begun = await beginDeletion(deps, request, volume, {
          force: false,
          cascade: booleanOf(first(request, 'cascade') ?? 'false') === true,
        });
        return isFault(begun) ? begun : { status: 202 };
      },
    }),
  ];
}

/**
 * Begins to delete the volume. badRequest: wrong status, attached, or has snapshots. `force`
 * overrides all but an attachment. A volume that is being deleted already is accepted again.
 */
export async function beginDeletion(
  deps: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  { force, cascade }: { force: boolean; cascade: boolean },
): Promise<Outcome<undefined>> {
  const { db } = deps.database;
  const { clock } = deps;
  const isQueued = await transaction(db, async (trx): Promise<Outcome<boolean>> => {
    const current = await requireLockedVolume(trx, volume.id);
    if (isFault(current)) return current;
    if (current.status === 'deleting' && !force) return false;
    const [attachments, snapshots] = [
      await attachmentsOf(trx, volume.id),
      await snapshotsOf(trx, volume.id),
    ];
    if (attachments.length > 0) return fault('badRequest', `Invalid volume: ${cascadeTexts}`);
    if (!force && !deletable.includes(current.status))
      return fault('badRequest', `Invalid volume: ${cascadeTexts}`);
    if (snapshots.length > 0 && !(cascade || force))
      return fault('badRequest', `Invalid volume: ${cascadeTexts}`);
    const stubborn = force
      ? undefined
      : snapshots.find(
          ({ status }) => !['available', 'error', 'deleting', 'error_deleting'].includes(status),
        );
    if (stubborn)
      return fault(
        'badRequest',
        `Invalid volume: the snapshot ${stubborn.id} is ${stubborn.status}.`,
      );
    for (const snapshot of snapshots)
      await changeSnapshot(trx, snapshot.id, { status: 'deleting' }, clock.now());
    await changeVolumeIn(trx, volume.id, [current.status], { status: 'deleting' }, clock.now());
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.delete-volume',
      lockKey: current.creating_lock ?? volumeLock(volume.id),
      input: { volumeId: volume.id, projectId: volume.project_id },
    });
    return true;
  });
  if (isFault(isQueued)) return isQueued;
  await deps.wakeVolume(request.id);
  return undefined;
}

async function summary({ database: { db } }: HandlerDeps, request: Request) {
  const everybody =
    isAdmin(request) && booleanOf(first(request, 'all_tenants') ?? 'false') === true;
  const scope = everybody ? null : (request.auth.projectId ?? '');
  const totals = await volumeTotals(db, scope);
  const result = { total_size: totals.sizeGib, total_count: totals.count };
  if (request.version < summaryMetadataSince) return result;
  const metadata = new Map<string, Set<string>>();
  for (const ofVolume of await metadataOfVolumes(db, scope)) {
    for (const [key, value] of Object.entries(ofVolume))
      metadata.set(key, (metadata.get(key) ?? new Set()).add(value));
  }
  return {
    ...result,
    metadata: Object.fromEntries([...metadata].map(([key, values]) => [key, [...values]])),
  };
}
