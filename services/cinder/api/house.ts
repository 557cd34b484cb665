// What operators and clients ask about Cinder itself: services, hosts, pools, capabilities, zones,
// extensions. https://docs.openstack.org/api-ref/block-storage/v3/#services-os-services
import { sql } from 'kysely';
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { overSubscription } from '../domain/pick-pool.ts';
import type { CinderParts } from '../parts.ts';
import type { ServiceRow } from '../store/tables.ts';
import { orNull, strict } from './field-schemas.ts';
import { poolsAsked } from './pool-list.ts';
import { booleanOf, first } from './request.ts';
import type { Request } from './request.ts';
import { timeText } from './times.ts';

const text = Type.String({ minLength: 1, maxLength: 255 });
const serviceBody = Type.Object(
  { host: text, binary: Type.Optional(text), service: Type.Optional(text) },
  strict,
);
const disableBody = Type.Object(
  {
    host: text,
    binary: Type.Optional(text),
    service: Type.Optional(text),
    disabled_reason: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
  },
  strict,
);
type Named = { host: string; binary?: string; service?: string; disabled_reason?: string | null };
const clusterSince = 7;
const backendStateSince = 49;

const extensions = [
  ['Hosts', 'os-hosts', 'Admin-only host administration.'],
  ['Services', 'os-services', 'Services support.'],
  ['Quotas', 'os-quota-sets', 'Quota management support.'],
  ['QuotaClasses', 'os-quota-class-sets', 'Quota classes management support.'],
  ['AvailabilityZones', 'os-availability-zone', 'Describe Availability Zones.'],
  ['AdminActions', 'os-admin-actions', 'Enable admin actions.'],
  ['Backups', 'backups', 'Backups support.'],
  ['Capabilities', 'capabilities', 'Capabilities support.'],
  [
    'ExtendedSnapshotAttributes',
    'os-extended-snapshot-attributes',
    'Extended SnapshotAttributes support.',
  ],
  ['SchedulerStats', 'scheduler-stats', 'Scheduler stats support.'],
  ['SnapshotActions', 'os-snapshot-actions', 'Enable snapshot manager actions.'],
  ['TypesExtraSpecs', 'os-types-extra-specs', 'Type extra specs support.'],
  ['TypesManage', 'os-types-manage', 'Types manage support.'],
  ['UsedLimits', 'os-used-limits', 'Provide data on limited resource that are being used.'],
  ['VolumeActions', 'os-volume-actions', 'Enable volume actions.'],
  ['VolumeHostAttribute', 'os-vol-host-attr', 'Expose host as an attribute of a volume.'],
  ['VolumeImageMetadata', 'os-vol-image-meta', 'Show image metadata associated with the volume.'],
  [
    'VolumeTenantAttribute',
    'os-vol-tenant-attr',
    'Expose the internal project_id as an attribute of a volume.',
  ],
  ['VolumeTransfer', 'os-volume-transfer', 'Volume transfer management support.'],
  ['VolumeTypeAccess', 'os-volume-type-access', 'Volume type access support.'],
] as const;

export function houseRoutes(parts: CinderParts): readonly Route[] {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  const isUp = (row: ServiceRow): boolean =>
    clock.now() - row.heartbeat_at_ms < config.serviceDownMs;
  const heardOf = (row: ServiceRow): string | null =>
    row.heartbeat_at_ms === 0 ? null : timeText(row.heartbeat_at_ms);
  // What a backend of ours answers now counts for more than when it was heard of last.
  const answering = async (): Promise<ReadonlyMap<string, boolean>> =>
    new Map((await parts.pools()).map(({ host, answers }) => [host.split('#')[0] ?? '', answers]));
  const services = async (): Promise<ServiceRow[]> =>
    await db.selectFrom('services').selectAll().orderBy('binary').orderBy('host').execute();
  const view = (request: Request, row: ServiceRow, up: boolean) => ({
    binary: row.binary,
    host: row.host,
    zone: row.zone,
    status: row.disabled === 1 ? 'disabled' : 'enabled',
    state: up ? 'up' : 'down',
    updated_at: heardOf(row),
    disabled_reason: row.disabled_reason,
    ...(row.binary === 'cinder-volume'
      ? { frozen: false, replication_status: 'disabled', active_backend_id: null }
      : {}),
    ...(request.version >= clusterSince ? { cluster: null } : {}),
    ...(request.version >= backendStateSince && row.binary === 'cinder-volume'
      ? { backend_state: up ? 'up' : 'down' }
      : {}),
  });
  const change = async (sent: Named, to: { disabled: 0 | 1; disabled_reason: string | null }) => {
    const binary = sent.binary ?? sent.service ?? '';
    const found = await db
      .updateTable('services')
      .set(to)
      .where('binary', '=', binary)
      .where('host', '=', sent.host)
      .executeTakeFirst();
    if (found.numUpdatedRows === 0n)
      return fault('notFound', `Service ${binary} could not be found on host ${sent.host}.`);
    log.warn({ binary, host: sent.host, ...to }, 'an operator changed a service');
    const status = to.disabled === 1 ? 'disabled' : 'enabled';
    return {
      status: 200,
      body: {
        host: sent.host,
        service: binary,
        binary,
        disabled: to.disabled === 1,
        status,
        ...(to.disabled_reason === null ? {} : { disabled_reason: to.disabled_reason }),
      },
    };
  };
  const manage = {
    method: 'PUT',
    policy: 'volume_extension:services:update',
    faults: ['notFound'],
  } as const;
  return [
    route({
      method: 'GET',
      path: '/os-services',
      policy: 'volume_extension:services:index',
      handler: async (request) => {
        const [host, binary] = [
          first(request, 'host'),
          first(request, 'binary') ?? first(request, 'service'),
        ];
        const rows = (await services()).filter(
          (row) =>
            (host === undefined || row.host === host || row.host.startsWith(`${host}@`)) &&
            (binary === undefined || row.binary === binary),
        );
        const now = await answering();
        return {
          status: 200,
          body: { services: rows.map((row) => view(request, row, now.get(row.host) ?? isUp(row))) },
        };
      },
    }),
    route<Named>({
      ...manage,
      path: '/os-services/enable',
      body: serviceBody,
      handler: async ({ body }) => await change(body, { disabled: 0, disabled_reason: null }),
    }),
    route<Named>({
      ...manage,
      path: '/os-services/disable',
      body: disableBody,
      handler: async ({ body }) => await change(body, { disabled: 1, disabled_reason: null }),
    }),
    route<Named>({
      ...manage,
      path: '/os-services/disable-log-reason',
      body: disableBody,
      handler: async ({ body }) =>
        body.disabled_reason?.trim()
          ? await change(body, { disabled: 1, disabled_reason: body.disabled_reason })
          : fault('badRequest', 'Disabled reason contains invalid characters or is too long.'),
    }),
    // Hosts are not frozen here; one that is not known is told first.
    ...(['freeze', 'thaw'] as const).map((what) =>
      route<{ host: string }>({
        ...manage,
        path: `/os-services/${what}`,
        faults: ['notImplemented'],
        body: Type.Object({ host: text }),
        handler: async ({ body }) =>
          (await services()).some(({ host }) => host === body.host)
            ? fault('notImplemented', `To ${what} a host is not offered by this cloud.`)
            : fault('badRequest', `Host ${body.host} could not be found.`),
      }),
    ),
    route({
      method: 'GET',
      path: '/os-hosts',
      policy: 'volume_extension:hosts',
      handler: async () => ({
        status: 200,
        body: {
          hosts: (await services()).map((row) => ({
            host_name: row.host,
            service: row.binary,
            zone: row.zone,
            'service-state': row.disabled === 1 ? 'disabled' : 'enabled',
            'service-status': isUp(row) ? 'available' : 'unavailable',
            'last-update': heardOf(row),
          })),
        },
      }),
    }),
    route({
      method: 'GET',
      path: '/os-hosts/:id',
      policy: 'volume_extension:hosts',
      faults: ['notFound'],
      handler: async ({ params }) => {
        const host = params['id'] ?? '';
        if (!(await services()).some((row) => row.host === host))
          return fault('notFound', `Host ${host} could not be found.`);
        return { status: 200, body: { host: await hostFigures(parts, host) } };
      },
    }),
    route({
      method: 'GET',
      path: '/scheduler-stats/get_pools',
      policy: 'scheduler_extension:scheduler_stats:get_pools',
      handler: async (request) => {
        const detail = booleanOf(first(request, 'detail') ?? 'false');
        if (detail === undefined)
          return fault(
            'badRequest',
            `Value '${first(request, 'detail')}' for 'detail' is not a boolean.`,
          );
        const pools = await poolsAsked(parts, request);
        if (isFault(pools)) return pools;
        return {
          status: 200,
          body: {
            pools: pools.map((pool) => ({
              name: pool.host,
              ...(detail
                ? {
                    capabilities: {
                      volume_backend_name: pool.backend,
                      pool_name: pool.backend,
                      vendor_name: pool.vendorName,
                      driver_version: pool.driverVersion,
                      storage_protocol: pool.storageProtocol,
                      total_capacity_gb: pool.totalGib,
                      free_capacity_gb: pool.freeGib,
                      provisioned_capacity_gb: pool.provisionedGib,
                      allocated_capacity_gb: pool.provisionedGib,
                      reserved_percentage: 0,
                      max_over_subscription_ratio: String(overSubscription),
                      thin_provisioning_support: true,
                      thick_provisioning_support: false,
                      multiattach: false,
                      QoS_support: false,
                      online_extend_support: true,
                      backend_state: pool.answers ? 'up' : 'down',
                      location_info: '',
                      timestamp: timeText(clock.now()),
                    },
                  }
                : {}),
            })),
          },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/capabilities/:id',
      policy: 'volume_extension:capabilities',
      faults: ['notFound'],
      handler: async ({ params }) => {
        const asked = params['id'] ?? '';
        const pool = (await parts.pools()).find(
          ({ host }) => host === asked || host.split('#')[0] === asked,
        );
        if (!pool)
          return fault('notFound', `Service cinder-volume could not be found on host ${asked}.`);
        return {
          status: 200,
          body: {
            namespace: `OS::Storage::Capabilities::${pool.host.split('#')[0]}`,
            vendor_name: pool.vendorName,
            volume_backend_name: pool.backend,
            pool_name: pool.backend,
            driver_version: pool.driverVersion,
            storage_protocol: pool.storageProtocol,
            display_name: null,
            description: null,
            visibility: null,
            replication_targets: [],
            properties: {
              thin_provisioning: {
                title: 'Thin Provisioning',
                description: 'Sets thin provisioning.',
                type: 'boolean',
              },
            },
          },
        };
      },
    }),
    route({
      method: 'GET',
      path: '/os-availability-zone',
      policy: 'volume:availability_zone_list',
      handler: () => ({
        status: 200,
        body: {
          availabilityZoneInfo: [{ zoneName: config.defaultZone, zoneState: { available: true } }],
        },
      }),
    }),
    route({
      method: 'GET',
      path: '/extensions',
      policy: 'volume:extensions',
      handler: () => ({
        status: 200,
        body: {
          extensions: extensions.map(([name, alias, description]) => ({
            name,
            alias,
            description,
            updated: '2016-01-01T00:00:00+00:00',
            links: [],
          })),
        },
      }),
    }),
  ];
}

async function hostFigures({ database: { db } }: CinderParts, host: string) {
  const volumes = await db
    .selectFrom('volumes')
    .select(['project_id', sql<number>`count(*)`.as('count'), sql<number>`sum(size_gib)`.as('gib')])
    .where('host', 'like', `${host}#%`)
    .groupBy('project_id')
    .execute();
  const snapshots = await db
    .selectFrom('snapshots as s')
    .innerJoin('volumes as v', 'v.id', 's.volume_id')
    .select([
      's.project_id',
      sql<number>`count(*)`.as('count'),
      sql<number>`sum(s.size_gib)`.as('gib'),
    ])
    .where('v.host', 'like', `${host}#%`)
    .groupBy('s.project_id')
    .execute();
  const sum = (rows: readonly { count: number; gib: number }[], of: 'count' | 'gib'): string =>
    String(rows.reduce((total, row) => total + Number(row[of]), 0));
  const resource = (project: string, own: typeof volumes, ownSnapshots: typeof snapshots) => ({
    resource: {
      host,
      project,
      volume_count: sum(own, 'count'),
      total_volume_gb: sum(own, 'gib'),
      snapshot_count: sum(ownSnapshots, 'count'),
      total_snapshot_gb: sum(ownSnapshots, 'gib'),
    },
  });
  return [
    resource('(total)', volumes, snapshots),
    ...volumes.map((row) =>
      resource(
        row.project_id,
        [row],
        snapshots.filter(({ project_id }) => project_id === row.project_id),
      ),
    ),
  ];
}
