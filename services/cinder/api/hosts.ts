// The os-hosts API: the hosts of Cinder's services, and the volumes and snapshots that each project
// has on a host. https://docs.openstack.org/api-ref/block-storage/v3/#hosts-extension-os-hosts
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { listServices } from '../store/services.ts';
import type { HostUsage } from '../store/volumes.ts';
import { usageOfHost } from '../store/volumes.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { lastHeartbeatAt, isUp } from './services.ts';

export function hostRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  return [
    route('GET', '/os-hosts', {
      policy: 'volume_extension:hosts',
      handler: async () => ({
        status: 200,
        body: {
          hosts: (await listServices(db)).map((row) => ({
            host_name: row.host,
            service: row.binary,
            zone: row.zone,
            'service-state': row.disabled === 1 ? 'disabled' : 'enabled',
            'service-status': isUp(deps, row) ? 'available' : 'unavailable',
            'last-update': lastHeartbeatAt(row),
          })),
        },
      }),
    }),
    route('GET', '/os-hosts/:id', {
      policy: 'volume_extension:hosts',
      faults: ['notFound'],
      handler: async ({ params }) => {
        const host = params['id'] ?? '';
        if (!(await listServices(db)).some((row) => row.host === host))
          return fault('notFound', `Host ${host} could not be found.`);
        return { status: 200, body: { host: await hostFigures(deps, host) } };
      },
    }),
  ];
}

async function hostFigures({ database: { db } }: HandlerDeps, host: string) {
  const { volumes, snapshots } = await usageOfHost(db, host);
  const sum = (rows: readonly HostUsage[], of: 'count' | 'sizeGib'): string =>
    String(rows.reduce((total, row) => total + row[of], 0));
  const resource = (
    project: string,
    own: readonly HostUsage[],
    ownSnapshots: readonly HostUsage[],
  ) => ({
    resource: {
      host,
      project,
      volume_count: sum(own, 'count'),
      total_volume_gb: sum(own, 'sizeGib'),
      snapshot_count: sum(ownSnapshots, 'count'),
      total_snapshot_gb: sum(ownSnapshots, 'sizeGib'),
    },
  });
  return [
    resource('(total)', volumes, snapshots),
    ...volumes.map((row) =>
      resource(
        row.projectId,
        [row],
        snapshots.filter(({ projectId }) => projectId === row.projectId),
      ),
    ),
  ];
}
