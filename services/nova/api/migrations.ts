// Migration records for operators: all of them at /os-migrations, and below a server its live
// migrations in progress.
// https://docs.openstack.org/api-ref/compute/#migrations-os-migrations
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { timeMsOf } from '#openstack/http/lenient-values.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { isoMicroseconds } from '#platform/clock.ts';
import type { NovaDeps } from '../deps.ts';
import { liveInProgress } from '../domain/migration-status.ts';
import type { MigrationFilters } from '../store/server-migrations.ts';
import {
  findMigration,
  findMigrationOfServer,
  listMigrations,
  migrationsOfServer,
} from '../store/server-migrations.ts';
import type { MigrationRow } from '../store/tables.ts';
import { nextLinks } from './page.ts';
import { first, lastMsOf, limitOf, ofServer, unknownQuery } from './request.ts';

const linksSince = 23;
const pagedSince = 59;
const changesBeforeSince = 66;
const ownersSince = 80;

export function migrationRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  return [
    route('GET', '/v2.1/os-migrations', {
      policy: 'os_compute_api:os-migrations:index',
      handler: async (request) => {
        const filters = filtersOf(request);
        if (isFault(filters)) return filters;
        const isPaged = request.version >= pagedSince;
        const limit = limitOf(request, deps.config.maxListLimit);
        if (isPaged && isFault(limit)) return limit;
        const marker = isPaged ? first(request, 'marker') : undefined;
        const after = marker === undefined ? undefined : await findMigration(db, marker);
        if (marker !== undefined && !after)
          return fault('badRequest', `Marker ${marker} could not be found.`);
        const page = isPaged && !isFault(limit) ? { after, limit } : null;
        const rows =
          filters === 'none' || page?.limit === 0 ? [] : await listMigrations(db, filters, page);
        const body: JsonObject = { migrations: rows.map((row) => migrationView(row, request)) };
        const last = rows.at(-1);
        if (page !== null && last && rows.length === page.limit)
          body['migrations_links'] = nextLinks(request, last.uuid);
        return { status: 200, body };
      },
    }),
    route('GET', '/v2.1/servers/:id/migrations', {
      policy: 'os_compute_api:servers:migrations:index',
      since: linksSince,
      faults: ['notFound'],
      handler: ofServer(deps, async (request, server) => {
        const rows = await migrationsOfServer(db, server.id, {
          types: ['live-migration'],
          statuses: liveInProgress,
        });
        const migrations = rows.map((row) => progressView(row, request.version));
        return { status: 200, body: { migrations } };
      }),
    }),
    route('GET', '/v2.1/servers/:id/migrations/:migration', {
      policy: 'os_compute_api:servers:migrations:show',
      since: linksSince,
      faults: ['notFound'],
      handler: ofServer(deps, async (request, { id: serverId }) => {
        const id = request.params['migration'] ?? '';
        const row = /^\d{1,15}$/.test(id)
          ? await findMigrationOfServer(db, serverId, Number(id))
          : undefined;
        if (!row)
          return fault(
            'notFound',
            `In-progress live migration ${id} is not found for server ${serverId}.`,
          );
        if (row.type !== 'live-migration')
          return fault('notFound', `Migration ${id} for server ${serverId} is not live-migration.`);
        if (!liveInProgress.includes(row.status))
          return fault(
            'notFound',
            `Live migration ${id} for server ${serverId} is not in progress.`,
          );
        return { status: 200, body: { migration: progressView(row, request.version) } };
      }),
    }),
  ];
}

const plainNames = [
  'hidden',
  'host',
  'instance_uuid',
  'source_compute',
  'status',
  'migration_type',
];

/**
 * The filters of the query; 'none' if no record can match. Unknown parameters are refused from 2.59
 * on and ignored before. nova.api.openstack.compute.schemas.migrations
 */
function filtersOf(request: ApiRequest): Outcome<MigrationFilters | 'none'> {
  const { version } = request;
  if (version >= pagedSince) {
    const unknown = unknownQuery(request, [
      ...plainNames,
      'limit',
      'marker',
      'changes-since',
      ...(version >= changesBeforeSince ? ['changes-before'] : []),
      ...(version >= ownersSince ? ['user_id', 'project_id'] : []),
    ]);
    if (unknown) return unknown;
  }
  const times = timesOf(request);
  if (isFault(times)) return times;
  const filters: MigrationFilters = { ...times };
  const named = {
    host: first(request, 'host'),
    sourceHost: first(request, 'source_compute'),
    serverId: first(request, 'instance_uuid'),
    ...(version >= ownersSince && {
      userId: first(request, 'user_id'),
      projectId: first(request, 'project_id'),
    }),
  };
  for (const [name, value] of Object.entries(named))
    if (value !== undefined) filters[name as keyof typeof named] = value;
  const { status, migration_type: types } = request.query;
  if (status) filters.statuses = status;
  if (types) filters.types = types;
  // Upstream hides records of cross-cell moves; there are none here, so a query for hidden ones
  // finds nothing.
  const hidden = first(request, 'hidden');
  const wantsHidden = hidden !== undefined && /^(1|t|true|on|y|yes)$/i.test(hidden);
  return wantsHidden ? 'none' : filters;
}

function timesOf(
  request: ApiRequest,
): Outcome<Pick<MigrationFilters, 'changedSinceMs' | 'changedBeforeMs'>> {
  const times: Pick<MigrationFilters, 'changedSinceMs' | 'changedBeforeMs'> = {};
  const read = (name: string, since: number, parse: typeof timeMsOf): Outcome<number | null> => {
    const text = request.version >= since ? first(request, name) : undefined;
    if (text === undefined) return null;
    return (
      parse(text) ??
      fault(
        'badRequest',
        `Invalid input for query parameters ${name}. Value: ${text}. It must be an ISO 8601 time.`,
      )
    );
  };
  const since = read('changes-since', pagedSince, timeMsOf);
  if (isFault(since)) return since;
  const before = read('changes-before', changesBeforeSince, lastMsOf);
  if (isFault(before)) return before;
  if (since !== null) times.changedSinceMs = since;
  if (before !== null) times.changedBeforeMs = before;
  return since !== null && before !== null && before < since
    ? fault(
        'badRequest',
        'The value of changes-since must be less than or equal to changes-before.',
      )
    : times;
}

const time = (ms: number): string => isoMicroseconds(ms).slice(0, -1);

/** As upstream, `updated_at` is null for a row that was never changed. */
const updatedAt = ({ created_at_ms: created, updated_at_ms: updated }: MigrationRow) =>
  updated === created ? null : time(updated);

const places = (row: MigrationRow): JsonObject => ({
  id: row.id,
  status: row.status,
  source_compute: row.source_host,
  // Each host has exactly one compute node, with the host's name.
  source_node: row.source_host,
  dest_compute: row.dest_host,
  dest_node: row.dest_host,
  dest_host: row.dest_ip,
  created_at: time(row.created_at_ms),
  updated_at: updatedAt(row),
});

const owners = (row: MigrationRow, version: number): JsonObject => ({
  ...(version >= pagedSince && { uuid: row.uuid }),
  ...(version >= ownersSince && { user_id: row.user_id, project_id: row.project_id }),
});

function migrationView(
  row: MigrationRow,
  { version, baseUrl }: Pick<ApiRequest, 'version' | 'baseUrl'>,
): JsonObject {
  const view: JsonObject = {
    ...places(row),
    instance_uuid: row.server_id,
    old_instance_type_id: row.old_flavor_number,
    new_instance_type_id: row.new_flavor_number,
    ...owners(row, version),
  };
  if (version >= linksSince) {
    view['migration_type'] = row.type;
    const path = `servers/${row.server_id}/migrations/${row.id}`;
    if (row.type === 'live-migration' && liveInProgress.includes(row.status))
      view['links'] = [
        { rel: 'self', href: `${baseUrl}/v2.1/${path}` },
        { rel: 'bookmark', href: `${baseUrl}/${path}` },
      ];
  }
  return view;
}

const progressView = (row: MigrationRow, version: number): JsonObject => ({
  ...places(row),
  server_uuid: row.server_id,
  memory_total_bytes: row.memory_total,
  memory_processed_bytes: row.memory_processed,
  memory_remaining_bytes: row.memory_remaining,
  disk_total_bytes: row.disk_total,
  disk_processed_bytes: row.disk_processed,
  disk_remaining_bytes: row.disk_remaining,
  ...owners(row, version),
});
