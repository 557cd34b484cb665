// Cinder's routes for coverage.test.ts, each below /v3 and below /v3/{project_id}. Objects belong
// to projects; lists and creations name none.
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud } from '../api-cloud.ts';
import { hidden } from '../api-cloud.ts';
import type { OwnCase, RouteCases } from './case.ts';

const roots = ['/v3', '/v3/:project_id'] as const;
const bothWays = (pattern: string): string => pattern.replace(' ', ` {${roots.join(',')}}`);
const volume = '/volumes/:id';
const snapshot = '/snapshots/:id';
const attachment = '/attachments/:id';
const metadata = { metadata: { colour: 'red' } };

const own = (root: string): readonly [row: string, wanted: OwnCase][] => [
  ...[volume, snapshot].flatMap((at): [string, OwnCase][] => [
    [`GET ${at}`, {}],
    [`GET ${at}/metadata`, {}],
    [`POST ${at}/metadata`, { body: metadata }],
    [`PUT ${at}/metadata`, { body: metadata }],
    [`GET ${at}/metadata/:key`, {}],
    [`PUT ${at}/metadata/:key`, { body: { meta: { colour: 'blue' } } }],
    [`DELETE ${at}/metadata/:key`, {}],
  ]),
  [`PUT ${volume}`, { body: { volume: { description: 'changed' } } }],
  [`PUT ${snapshot}`, { body: { snapshot: { description: 'changed' } } }],
  [`POST ${volume}/action`, { body: { 'os-set_bootable': { bootable: false } } }],
  // 400: Alice's call reaches the snapshot, but it is not in creation.
  [
    `POST ${snapshot}/action`,
    { body: { 'os-update_snapshot_status': { status: 'available' } }, alice: 400 },
  ],
  ['GET /types/:id', {}],
  ['GET /types/:id/encryption', {}],
  [`GET ${attachment}`, {}],
  [`PUT ${attachment}`, { body: { attachment: { connector: { host: 'h1' } } } }],
  [`POST ${attachment}/action`, { body: { 'os-complete': {} } }],
  ['GET /backups/:id', {}],
  ['PUT /backups/:id', { body: { backup: { description: 'changed' } } }],
  // Refused, because the volume is attached.
  [
    'POST /backups/:id/restore',
    {
      body: (_alice, objects) => ({
        restore: { volume_id: objects.get(`/volume${root}/volumes/:id`) ?? '' },
      }),
      alice: 400,
    },
  ],
  ...['/os-volume-transfer/:id', '/volume-transfers/:id'].flatMap((at): [string, OwnCase][] => [
    [`GET ${at}`, {}],
    [`DELETE ${at}`, {}],
  ]),
  ['GET /messages/:id', {}],
  ['DELETE /messages/:id', {}],
  [`DELETE ${attachment}`, {}],
  ['DELETE /backups/:id', {}],
  [`DELETE ${snapshot}`, {}],
  // Cascade: a snapshot of the volume may still be in deletion.
  [`DELETE ${volume}`, { query: () => '?cascade=true' }],
];

export const cinder: RouteCases = {
  mount: '/volume',
  own: Object.fromEntries(
    roots.flatMap((root) =>
      [
        // Quotas exist for every project id; nothing else exists below another project's path.
        ...['GET /os-quota-sets/:id', 'GET /os-quota-sets/:id/defaults'].map(
          (row): [string, OwnCase] => [row, root === '/v3' ? { bob: 403 } : {}],
        ),
        ...own(root),
      ].map(([row, wanted]) => [row.replace(' ', ` ${root}`), wanted]),
    ),
  ),
  adminsOnly: [
    'POST /types',
    '{PUT,DELETE} /types/:id',
    'GET /types/:id/os-volume-type-access',
    'POST /types/:id/action',
    '{GET,POST} /types/:id/extra_specs',
    '{GET,PUT,DELETE} /types/:id/extra_specs/:key',
    'GET /os-services',
    'PUT /os-services/{enable,disable,disable-log-reason,freeze,thaw,failover_host}',
    'GET /os-hosts',
    'GET /os-hosts/:id',
    'GET /scheduler-stats/get_pools',
    'GET /capabilities/:id',
    '{PUT,DELETE} /os-quota-sets/:id',
    '{GET,PUT} /os-quota-class-sets/:id',
    'POST /group_types',
    '{PUT,DELETE} /group_types/:id',
    '{GET,POST} /qos-specs',
    '{GET,PUT,DELETE} /qos-specs/:id',
    'POST /types/:id/encryption',
    '{PUT,DELETE} /types/:id/encryption/:key',
    'POST /{os-volume-manage,manageable_volumes,os-snapshot-manage,manageable_snapshots}',
    'POST /backups/:id/action',
    'GET /backups/:id/export_record',
    'POST /backups/import_record',
  ].map(bothWays),
  nobodys: {
    'the version documents, the same for all': ['GET /', 'GET /v3'],
    'lists of what the caller may see': [
      'GET /{volumes,snapshots,attachments,backups,os-volume-transfer,volume-transfers,groups,group_snapshots}',
      'GET /{volumes,snapshots,attachments,backups,os-volume-transfer,volume-transfers,groups,group_snapshots}/detail',
      'GET /{types,messages,limits,group_types}',
      'GET /volumes/summary',
    ].map(bothWays),
    "makes something of the caller's own": [
      'POST /{volumes,snapshots,attachments,backups,os-volume-transfer,volume-transfers,groups,group_snapshots}',
      'POST /groups/action',
    ].map(bothWays),
    'taken by whoever has its key': ['POST /{os-volume-transfer,volume-transfers}/:id/accept'].map(
      bothWays,
    ),
    'of these there are none': [
      '{GET,PUT,DELETE} /{groups,group_snapshots}/:id',
      'GET /group_types/{:id,default}',
      'POST /{groups,group_snapshots}/:id/action',
    ].map(bothWays),
    'what the cloud can do, the same for all': [
      'GET /{extensions,os-availability-zone}',
      'GET /types/default',
    ].map(bothWays),
  },
};

/**
 * Creates one of each kind of volume object for Alice, twice, since each path prefix gets its own.
 * Called by make-objects.ts.
 */
export async function volumeObjects({ alice, admin, sure }: ApiCloud): Promise<[string, string][]> {
  const createdObjects: [string, string][] = [];
  for (const root of roots) {
    const at = (path: string): string => `/volume/v3${path}`;
    const named = { name: hidden, description: hidden, metadata: { colour: hidden } };
    const status = async (path: string, key: string): Promise<string> =>
      (await sure(alice, 'GET', at(path), undefined, 70))[key].status;
    const volumeOf = async (more: object = {}): Promise<string> => {
      const {
        volume: { id },
      } = await sure(alice, 'POST', at('/volumes'), { volume: { ...named, size: 1, ...more } });
      await eventually(async () => (await status(`/volumes/${id}`, 'volume')) !== 'creating', {
        withinMs: 20_000,
        what: 'the volume is made',
      });
      return id;
    };
    const first = await volumeOf();
    const {
      snapshot: { id: snapshotId },
    } = await sure(alice, 'POST', at('/snapshots'), { snapshot: { ...named, volume_id: first } });
    await eventually(
      async () => (await status(`/snapshots/${snapshotId}`, 'snapshot')) === 'available',
      { withinMs: 20_000, what: 'the snapshot is made' },
    );
    const { backup } = await sure(alice, 'POST', at('/backups'), {
      backup: { name: hidden, description: hidden, volume_id: first },
    });
    await eventually(
      async () => (await status(`/backups/${backup.id}`, 'backup')) === 'available',
      { withinMs: 20_000, what: 'the backup is made' },
    );
    const { attachment: reserved } = await sure(
      alice,
      'POST',
      at('/attachments'),
      { attachment: { volume_uuid: first, instance_uuid: hidden } },
      70,
    );
    const transfers: string[] = [];
    for (let count = 0; count < 2; count += 1)
      transfers.push(
        (
          await sure(alice, 'POST', at('/os-volume-transfer'), {
            transfer: { volume_id: await volumeOf(), name: hidden },
          })
        ).transfer.id,
      );
    const { volume_type: type } = await sure(admin, 'POST', at('/types'), {
      volume_type: {
        name: `${hidden}${root}`,
        extra_specs: { volume_backend_name: 'none' },
        'os-volume-type-access:is_public': false,
      },
    });
    await sure(admin, 'POST', at(`/types/${type.id}/action`), {
      addProjectAccess: { project: alice.projectId },
    });
    // Its failed creation leaves a user message.
    const failed = await volumeOf({ volume_type: type.id });
    const {
      messages: [message],
    } = await sure(alice, 'GET', at(`/messages?resource_uuid=${failed}`), undefined, 70);
    const paths = {
      volumes: first,
      snapshots: snapshotId,
      backups: backup.id,
      attachments: reserved.id,
      'os-volume-transfer': transfers[0],
      'volume-transfers': transfers[1],
      types: type.id,
      messages: message.id,
      'os-quota-sets': alice.projectId,
    };
    createdObjects.push(
      ...Object.entries(paths).map(([name, id]): [string, string] => [
        `/volume${root}/${name}/:id`,
        String(id),
      ]),
    );
  }
  return createdObjects;
}
