// Snapshots of volumes that are attached to running guests: Cinder calls these routes, because only
// the hypervisor can switch a running guest to a new file.
// https://docs.openstack.org/api-ref/compute/#assisted-volume-snapshots-os-assisted-volume-snapshots
import Type from 'typebox';
import { fault } from '#contracts/common/fault.ts';
import type { Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { serversOfVolume } from '../store/volumes.ts';
import { beginAssistedSnapshot } from './servers/begin.ts';

interface Body {
  snapshot: {
    volume_id: string;
    create_info: { snapshot_id: string; new_file: string; type: 'qcow2'; id?: string };
  };
}
const strict = { additionalProperties: false };
const id = Type.String({ minLength: 1, maxLength: 255 });
const body = Type.Object(
  {
    snapshot: Type.Object(
      {
        volume_id: id,
        create_info: Type.Object(
          { snapshot_id: id, new_file: id, type: Type.Literal('qcow2'), id: Type.Optional(id) },
          strict,
        ),
      },
      strict,
    ),
  },
  strict,
);

export function assistedSnapshotRoutes(deps: NovaDeps): readonly Route[] {
  const path = '/v2.1/os-assisted-volume-snapshots';
  return [
    // Answered at once, before the guest is switched; Nova reports the result to Cinder later by
    // os-update_snapshot_status.
    route<Body>('POST', path, {
      policy: 'os_compute_api:os-assisted-volume-snapshots:create',
      body,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const {
          volume_id: volumeId,
          create_info: { snapshot_id: snapshotId, new_file: newFile },
        } = request.body.snapshot;
        const rows = await serversOfVolume(deps.database.db, volumeId);
        const [row] = rows;
        if (!row) return fault('notFound', `Volume ${volumeId} is attached to no server.`);
        if (rows.length > 1 || row.connection === null)
          return fault('badRequest', `Volume ${volumeId} is not attached to one server alone.`);
        await beginAssistedSnapshot(deps, request, volumeId, {
          serverId: row.server_id,
          rowId: row.id,
          snapshotId,
          newFile,
        });
        return { status: 200, body: { snapshot: { id: snapshotId, volumeId } } };
      },
    }),
    // Nothing to do in Nova: Cinder deletes what it can below a running guest by itself, and
    // deletes the rest after the volume is detached.
    route('DELETE', `${path}/:id`, {
      policy: 'os_compute_api:os-assisted-volume-snapshots:delete',
      handler: async () => ({ status: 204 }),
    }),
  ];
}
