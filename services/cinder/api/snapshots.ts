// Snapshots of volumes.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-snapshots-snapshots
import Type from 'typebox';
import { volumeLock } from '#contracts/cinder/operations.ts';
import { snapshotStatuses } from '#contracts/cinder/volume-states.ts';
import type { SnapshotStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { enqueueOperation } from '../store/operations.ts';
import { changeSnapshot, findSnapshot, insertSnapshot } from '../store/snapshots.ts';
import type { SnapshotRow, VolumeRow } from '../store/tables.ts';
import { findVolume, lockVolume } from '../store/volumes.ts';
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
import { asksForNothing, booleanOf, requestedSnapshot, scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { takeQuota } from './take-quota.ts';
import { notOffered } from './unsupported.ts';
import { snapshotView } from './views.ts';

interface Wanted {
  volume_id?: string | null;
  name?: string | null;
  display_name?: string | null;
  description?: string | null;
  display_description?: string | null;
  force?: boolean | string | null;
  metadata?: Record<string, string> | null;
}
const texts = {
  name: nameSchema,
  display_name: nameSchema,
  description: descriptionSchema,
  display_description: descriptionSchema,
};
const createBody = Type.Object(
  {
    snapshot: Type.Object(
      {
        ...texts,
        volume_id: Type.Optional(orNull(idSchema)),
        force: Type.Optional(orNull(booleanSchema)),
        metadata: Type.Optional(orNull(metadataSchema)),
      },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  { snapshot: Type.Object(texts, { ...strict, minProperties: 1 }) },
  strict,
);
/**
 * From here on a snapshot of a volume in use needs no `force`, and may not refuse it either.
 * api-ref, 3.66.
 */
const forceless = 66;

const rules: ListRules<'snapshots'> = {
  table: 'snapshots',
  collection: 'snapshots',
  text: {
    id: 'id',
    name: 'name',
    display_name: 'name',
    status: 'status',
    volume_id: 'volume_id',
    project_id: 'project_id',
    user_id: 'user_id',
    description: 'description',
  },
  numbers: { volume_size: 'size_gib' },
  entries: { metadata: 'metadata_json' },
  volumeZone: 'availability_zone',
  members: ['name', 'status', 'volume_id', 'metadata', 'availability_zone', 'consumes_quota'],
  lateForMembers: ['availability_zone', 'consumes_quota'],
  counted: true,
  consumesQuota: true,
  sort: {
    id: 'id',
    name: 'name',
    display_name: 'name',
    status: 'status',
    created_at: 'created_at_ms',
    updated_at: 'updated_at_ms',
    volume_id: 'volume_id',
    volume_size: 'size_gib',
    user_id: 'user_id',
    project_id: 'project_id',
    description: 'description',
  },
};

export function snapshotRoutes(deps: HandlerDeps): readonly Route[] {
  const {
    database: { db },
    clock,
  } = deps;
  const list =
    (how: 'base' | 'detail') =>
    async (request: Request): Promise<Outcome<Reply>> => {
      if (how === 'base' && asksForNothing(request))
        return fault('notFound', 'Snapshot could not be found.');
      const page = await readPage(deps, request, rules);
      if (isFault(page)) return page;
      return {
        status: 200,
        body: {
          snapshots: page.rows.map((row) => snapshotView(request, row, how)),
          ...(page.links && { snapshots_links: page.links }),
          ...(page.count === undefined ? {} : { count: page.count }),
        },
      };
    };
  const remove = async (
    request: Request,
    snapshot: SnapshotRow,
    force: boolean,
  ): Promise<Outcome<Reply>> => {
    const begun = await beginSnapshotDeletion(deps, request, snapshot, force);
    return isFault(begun) ? begun : { status: 202 };
  };
  return [
    route({
      method: 'GET',
      path: '/snapshots',
      policy: 'volume:get_all_snapshots',
      faults: ['notFound'],
      handler: list('base'),
    }),
    route({
      method: 'GET',
      path: '/snapshots/detail',
      policy: 'volume:get_all_snapshots',
      faults: ['notFound'],
      handler: list('detail'),
    }),
    route<{ snapshot: Wanted }>({
      method: 'POST',
      path: '/snapshots',
      policy: 'volume:create_snapshot',
      body: createBody,
      faults: ['notFound', 'overQuota'],
      handler: async (request) => {
        const row = await create(deps, request, request.body.snapshot);
        return isFault(row)
          ? row
          : { status: 202, body: { snapshot: snapshotView(request, row, 'base') } };
      },
    }),
    route({
      method: 'GET',
      path: '/snapshots/:id',
      policy: 'volume:get_snapshot',
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        return isFault(snapshot)
          ? snapshot
          : { status: 200, body: { snapshot: snapshotView(request, snapshot, 'detail') } };
      },
    }),
    route<{ snapshot: Wanted }>({
      method: 'PUT',
      path: '/snapshots/:id',
      policy: 'volume:update_snapshot',
      body: updateBody,
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        if (isFault(snapshot)) return snapshot;
        const { name, display_name, description, display_description } = request.body.snapshot;
        const change = {
          ...(name === undefined && display_name === undefined
            ? {}
            : { name: name ?? display_name ?? null }),
          ...(description === undefined && display_description === undefined
            ? {}
            : { description: description ?? display_description ?? null }),
        };
        await changeSnapshot(db, snapshot.id, change, clock.now());
        const now = await requestedSnapshot(deps, request);
        return isFault(now)
          ? now
          : { status: 200, body: { snapshot: snapshotView(request, now, 'base') } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/snapshots/:id',
      policy: 'volume:delete_snapshot',
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        return isFault(snapshot) ? snapshot : await remove(request, snapshot, false);
      },
    }),
    actionRoute<SnapshotRow>(
      '/snapshots',
      async (request) => await requestedSnapshot(deps, request),
      {
        'os-reset_status': action<SnapshotRow, { status: SnapshotStatus }>({
          policy: 'volume_extension:snapshot_admin_actions:reset_status',
          body: Type.Object(
            { status: Type.Union(snapshotStatuses.map((status) => Type.Literal(status))) },
            strict,
          ),
          run: async (_, snapshot, { status }) => {
            await changeSnapshot(db, snapshot.id, { status }, clock.now());
            return { status: 202 };
          },
        }),
        'os-force_delete': action<SnapshotRow>({
          policy: 'volume_extension:snapshot_admin_actions:force_delete',
          body: Type.Any(),
          run: async (request, snapshot) => await remove(request, snapshot, true),
        }),
        'os-update_snapshot_status': action<
          SnapshotRow,
          { status: SnapshotStatus; progress?: string | null }
        >({
          policy: 'snapshot_extension:snapshot_actions:update_snapshot_status',
          body: Type.Object(
            {
              status: Type.Union(snapshotStatuses.map((status) => Type.Literal(status))),
              progress: Type.Optional(orNull(Type.String({ pattern: '^[0-9]{1,3}%$' }))),
            },
            strict,
          ),
          run: async (_, snapshot, { status, progress }) =>
            await heed(deps, snapshot, status, progress ?? null),
        }),
        ...notOffered<SnapshotRow>({ 'os-unmanage': 'volume_extension:volume_unmanage' }),
      },
    ),
  ];
}

async function create(
  deps: HandlerDeps,
  request: Request,
  wanted: Wanted,
): Promise<Outcome<SnapshotRow>> {
  const {
    database: { db },
  } = deps;
  const id = wanted.volume_id;
  const volume = id ? await findVolume(db, id, scopeOf(request)) : undefined;
  if (!volume) return fault('notFound', `Volume ${id ?? 'None'} could not be found.`);
  if (
    request.version >= forceless &&
    wanted.force !== undefined &&
    (wanted.force === null || booleanOf(wanted.force) !== true)
  )
    return fault(
      'badRequest',
      "Invalid value for 'force': since microversion 3.66 a snapshot of a volume in use needs none, and only 'true' is taken.",
    );
  const evenInUse = request.version >= forceless || booleanOf(wanted.force ?? false) === true;
  const row = newSnapshotRow(deps, request, volume, wanted);
  const refused = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, volume.id);
    const current = await findVolume(trx, volume.id, null);
    if (!current) return fault('notFound', `Volume ${volume.id} could not be found.`);
    if (current.status !== 'available' && !(evenInUse && current.status === 'in-use'))
      return fault(
        'badRequest',
        `Invalid volume: Volume ${volume.id} status must be available${evenInUse ? ' or in-use' : ''}, but current status is: ${current.status}.`,
      );
    row.size_gib = current.size_gib;
    const over = await takeQuota(
      deps,
      trx,
      current.project_id,
      { snapshots: 1, gigabytes: current.size_gib },
      { typeId: current.type_id },
    );
    if (over) return over;
    await insertSnapshot(trx, row);
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.create-snapshot',
      lockKey: volumeLock(volume.id),
      input: { snapshotId: row.id, volumeId: volume.id, projectId: volume.project_id },
    });
    return undefined;
  });
  if (refused) return refused;
  await deps.wakeVolume(request.id);
  return row;
}

export function newSnapshotRow(
  { ids, clock }: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  wanted: Wanted,
): SnapshotRow {
  return {
    id: ids.uuid(),
    volume_id: volume.id,
    project_id: volume.project_id,
    user_id: request.auth.userId,
    name: wanted.name ?? wanted.display_name ?? null,
    description: wanted.description ?? wanted.display_description ?? null,
    status: 'creating',
    progress: '0%',
    size_gib: volume.size_gib,
    metadata_json: JSON.stringify(wanted.metadata ?? {}),
    assisted: null,
    created_at_ms: clock.now(),
    updated_at_ms: null,
  };
}

/** badRequest: not in this state. Deleting twice is one deletion. */
async function beginSnapshotDeletion(
  deps: HandlerDeps,
  request: Request,
  snapshot: SnapshotRow,
  force: boolean,
): Promise<Outcome<undefined>> {
  const {
    database: { db },
    clock,
  } = deps;
  const refused = await transaction(db, async (trx): Promise<Outcome<undefined>> => {
    await lockVolume(trx, snapshot.volume_id);
    const current = await findSnapshot(trx, snapshot.id, null);
    if (!current) return fault('notFound', `Snapshot ${snapshot.id} could not be found.`);
    if (current.status === 'deleting' && !force) return undefined;
    if (!force && !['available', 'error', 'error_deleting'].includes(current.status))
      return fault(
        'badRequest',
        `Invalid snapshot: Snapshot status must be available or error, but is ${current.status}.`,
      );
    await changeSnapshot(trx, snapshot.id, { status: 'deleting' }, clock.now());
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.delete-snapshot',
      lockKey: volumeLock(snapshot.volume_id),
      input: {
        snapshotId: snapshot.id,
        volumeId: snapshot.volume_id,
        projectId: snapshot.project_id,
      },
    });
    return undefined;
  });
  if (refused) return refused;
  await deps.wakeVolume(request.id);
  return undefined;
}

/**
 * Nova's word on a guest's switch: `creating` with 90% when it took place, `error` when not. The
 * saga that asked settles the state; otherwise it is taken as said.
 * cinder.api.contrib.snapshot_actions
 */
async function heed(
  { database: { db }, clock }: HandlerDeps,
  snapshot: SnapshotRow,
  status: SnapshotStatus,
  progress: string | null,
): Promise<Outcome<Reply>> {
  const allowed: Partial<Record<SnapshotStatus, readonly SnapshotStatus[]>> = {
    creating: ['creating', 'available', 'error'],
    deleting: ['deleting', 'error_deleting'],
  };
  if (!allowed[snapshot.status])
    return fault(
      'badRequest',
      `Snapshot status ${snapshot.status} not allowed for update_snapshot_status`,
    );
  if (!allowed[snapshot.status]?.includes(status))
    return fault(
      'badRequest',
      `Provided snapshot status ${status} not allowed for snapshot with status ${snapshot.status}.`,
    );
  const told = progress === null ? {} : { progress };
  if (snapshot.assisted !== null && snapshot.status === 'creating')
    await changeSnapshot(
      db,
      snapshot.id,
      { ...told, assisted: status === 'error' ? 'failed' : 'done' },
      clock.now(),
    );
  else await changeSnapshot(db, snapshot.id, { ...told, status }, clock.now());
  return { status: 202 };
}
