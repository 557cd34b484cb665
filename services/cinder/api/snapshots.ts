// Snapshots of volumes.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-snapshots-snapshots
import Type from 'typebox';
import { isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { changeSnapshot } from '../store/snapshots.ts';
import type { WantedSnapshot } from './create-snapshot.ts';
import { createSnapshot } from './create-snapshot.ts';
import type { DisplayTexts } from './display-texts.ts';
import { changedTexts, displayTextSchemas } from './display-texts.ts';
import { booleanSchema, idSchema, metadataSchema, orNull, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { listRoutes } from './list-routes.ts';
import { requestedSnapshot } from './request.ts';
import { deleteSnapshot, snapshotActionRoute } from './snapshot-actions.ts';
import { snapshotView } from './views.ts';

const createBody = Type.Object(
  {
    snapshot: Type.Object(
      {
        ...displayTextSchemas,
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
  { snapshot: Type.Object(displayTextSchemas, { ...strict, minProperties: 1 }) },
  strict,
);
const rules: ListRules<'snapshots'> = {
  table: 'snapshots',
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
  const { db } = deps.database;
  const { clock } = deps;
  return [
    ...listRoutes(deps, {
      path: '/snapshots',
      policy: 'volume:get_all_snapshots',
      rules,
      nothing: 'Snapshot could not be found.',
      summary: (request, rows) => rows.map((row) => snapshotView(request, row, 'base')),
      detail: (request, rows) => rows.map((row) => snapshotView(request, row, 'detail')),
    }),
    route<{ snapshot: WantedSnapshot }>('POST', '/snapshots', {
      policy: 'volume:create_snapshot',
      body: createBody,
      faults: ['notFound', 'overQuota'],
      handler: async (request) => {
        const row = await createSnapshot(deps, request, request.body.snapshot);
        return isFault(row)
          ? row
          : { status: 202, body: { snapshot: snapshotView(request, row, 'base') } };
      },
    }),
    route('GET', '/snapshots/:id', {
      policy: 'volume:get_snapshot',
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        return isFault(snapshot)
          ? snapshot
          : { status: 200, body: { snapshot: snapshotView(request, snapshot, 'detail') } };
      },
    }),
    route<{ snapshot: DisplayTexts }>('PUT', '/snapshots/:id', {
      policy: 'volume:update_snapshot',
      body: updateBody,
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        if (isFault(snapshot)) return snapshot;
        const change = changedTexts(request.body.snapshot);
        await changeSnapshot(db, snapshot.id, change, clock.now());
        const now = await requestedSnapshot(deps, request);
        return isFault(now)
          ? now
          : { status: 200, body: { snapshot: snapshotView(request, now, 'base') } };
      },
    }),
    route('DELETE', '/snapshots/:id', {
      policy: 'volume:delete_snapshot',
      faults: ['notFound'],
      handler: async (request) => {
        const snapshot = await requestedSnapshot(deps, request);
        return isFault(snapshot) ? snapshot : await deleteSnapshot(deps, request, snapshot, false);
      },
    }),
    snapshotActionRoute(deps),
  ];
}
