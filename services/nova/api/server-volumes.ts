// A server's volumes: list, show, attach, change, detach.
// https://docs.openstack.org/api-ref/compute/#servers-with-volume-attachments-servers-os-volume-attachments
import Type from 'typebox';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { cinderClient } from '#openstack/clients/cinder.ts';
import type { ApiRequest, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import type { NovaDeps } from '../deps.ts';
import { nextDevice, rootBus } from '../domain/device-names.ts';
import { ownDisks } from '../domain/guest-spec.ts';
import { imageOf } from '../domain/server-row.ts';
import { volumeStates } from '../domain/server-state.ts';
import { eventsOf } from '../store/actions.ts';
import type { Server } from '../store/servers.ts';
import type { VolumeRow } from '../store/tables.ts';
import type { ServerVolume } from '../store/volumes.ts';
import {
  changeServerVolume,
  findServerVolume,
  findVolumeRow,
  volumesOf,
} from '../store/volumes.ts';
import { callerOf, ofServer, requestedServer } from './request.ts';
import { beginVolumeChange, checkLock, checkState } from './servers/begin.ts';
import { tagSchema } from './servers/create-schema.ts';

interface AttachBody {
  volumeAttachment: {
    volumeId: string;
    device?: string | null;
    tag?: string;
    delete_on_termination?: boolean;
  };
}
interface ChangeBody {
  volumeAttachment: {
    volumeId: string;
    id?: string;
    serverId?: string;
    device?: string | null;
    tag?: string;
    delete_on_termination?: boolean;
  };
}

const uuid = Type.String({ format: 'uuid' });
// Accepted and ignored, as in stock Nova with libvirt since Liberty: the guest's disk slots
// determine the device name.
const device = Type.Optional(
  Type.Union([
    Type.String({ minLength: 1, maxLength: 255, pattern: '^/dev/[a-z]+[0-9]*$' }),
    Type.Null(),
  ]),
);
const strict = { additionalProperties: false };
const wrapped = (fields: Record<string, ReturnType<typeof Type.Optional> | typeof uuid>) =>
  Type.Object({ volumeAttachment: Type.Object(fields, strict) }, strict);
const tagged = { volumeId: uuid, device, tag: Type.Optional(tagSchema) };
const deletable = { ...tagged, delete_on_termination: Type.Optional(Type.Boolean()) };
const attachBody = [
  { from: 0, schema: wrapped({ volumeId: uuid, device }) },
  { from: 49, schema: wrapped(tagged) },
  { from: 79, schema: wrapped(deletable) },
];
const changeableSince = 85;
const changeBody = [
  { from: 0, schema: wrapped({ volumeId: uuid, device }) },
  {
    from: changeableSince,
    schema: wrapped({ ...deletable, id: Type.Optional(uuid), serverId: Type.Optional(uuid) }),
  },
];

const path = '/v2.1/servers/:id/os-volume_attachments';
const policy = (name: string): string => `os_compute_api:os-volumes-attachments:${name}`;
// The answer waits until Cinder has reserved the volume for the server (or refused), not until the
// guest sees the disk; at most this long.
const reservedWithinMs = 55_000;

/**
 * Fields by microversion: tag since 2.70, delete_on_termination since 2.79; since 2.89 the ids of
 * Cinder's attachment and of the block device mapping replace `id`.
 */
function view(row: ServerVolume, version: number): JsonObject {
  return version < 89
    ? attachedView(row, version)
    : { attachment_id: row.attachment_id, bdm_uuid: row.id, ...fieldsOf(row, version) };
}

/**
 * The answer to POST has `id`, the volume's id, in every microversion. api-ref, "Attach a volume to
 * an instance"; nova.api.openstack.compute.volume_attachments, create
 */
const attachedView = (row: ServerVolume, version: number): JsonObject => ({
  id: row.volume_id,
  ...fieldsOf(row, version),
});

function fieldsOf(row: ServerVolume, version: number): JsonObject {
  return {
    serverId: row.server_id,
    volumeId: row.volume_id,
    device: `/dev/${row.device}`,
    ...(version >= 70 ? { tag: row.tag } : {}),
    ...(version >= 79 ? { delete_on_termination: row.delete_on_termination === 1 } : {}),
  };
}

export function volumeRoutes(deps: NovaDeps): readonly Route[] {
  const { db } = deps.database;
  const { ids, sagas, clock } = deps;

  async function requestedVolume(
    request: ApiRequest<unknown>,
  ): Promise<Outcome<{ server: Server; row: ServerVolume }>> {
    const server = await requestedServer(deps, request);
    if (isFault(server)) return server;
    const id = request.params['volume'] ?? '';
    const row = await findServerVolume(db, server.id, id);
    return row
      ? { server, row }
      : fault('notFound', `Instance ${server.id} is not attached to volume ${id}`);
  }

  return [
    route('GET', path, {
      policy: policy('index'),
      faults: ['notFound'],
      handler: ofServer(deps, async (request, server) => ({
        status: 200,
        body: {
          volumeAttachments: (await volumesOf(db, server.id)).map((row) =>
            view(row, request.version),
          ),
        },
      })),
    }),
    route('GET', `${path}/:volume`, {
      policy: policy('show'),
      faults: ['notFound'],
      handler: async (request) => {
        const attachedVolume = await requestedVolume(request);
        return isFault(attachedVolume)
          ? attachedVolume
          : { status: 200, body: { volumeAttachment: view(attachedVolume.row, request.version) } };
      },
    }),
    route<AttachBody>('POST', path, {
      policy: policy('create'),
      body: attachBody,
      faults: ['notFound', 'conflict', 'forbidden', 'timeout'],
      handler: ofServer(deps, async (request, server) => {
        const attachment = request.body.volumeAttachment;
        const refusal = checkState(server, volumeStates, 'attach_volume');
        if (refusal) return checkLock(request, server) ?? refusal;
        const volume = await cinderClient(deps, callerOf(request)).volume(attachment.volumeId);
        if (isFault(volume)) return volume;
        if (volume.status !== 'available')
          return fault(
            'badRequest',
            `Invalid volume: volume ${volume.id} status must be 'available'. Currently in '${volume.status}'`,
          );
        const begun = await beginVolumeChange(deps, request, server, {
          attach: async (trx) => {
            const rows = await volumesOf(trx, server.id);
            if (rows.some(({ volume_id }) => volume_id === volume.id))
              return fault('badRequest', `Invalid volume: volume ${volume.id} already attached`);
            const bus = rootBus(imageOf(server)) === 'scsi' ? 'scsi' : 'virtio';
            const name = nextDevice(
              ownDisks(server),
              rows.map((row) => row.device),
              bus,
            );
            if (name === undefined)
              return fault(
                'forbidden',
                'The maximum allowed number of disk devices to attach to a single instance has been exceeded.',
              );
            return {
              id: ids.uuid(),
              server_id: server.id,
              volume_id: volume.id,
              device: name,
              bus,
              boot_index: null,
              tag: attachment.tag ?? null,
              delete_on_termination: attachment.delete_on_termination ? 1 : 0,
              attachment_id: null,
              host: null,
              connection: null,
              created_at_ms: clock.now(),
            };
          },
        });
        return isFault(begun) ? begun : await reserved(request, begun);
      }),
    }),
    route<ChangeBody>('PUT', `${path}/:volume`, {
      policy: policy('update'),
      body: changeBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const attachedVolume = await requestedVolume(request);
        if (isFault(attachedVolume)) return attachedVolume;
        const attachment = request.body.volumeAttachment;
        if (attachment.volumeId !== attachedVolume.row.volume_id) {
          const other = await cinderClient(deps, callerOf(request)).volume(attachment.volumeId);
          return isFault(other) && other.kind !== 'notFound'
            ? other
            : fault(
                'badRequest',
                isFault(other) ? other.message : 'This cloud does not swap volumes under a server.',
              );
        }
        if (request.version < changeableSince)
          return fault('badRequest', 'The old and the new volume are the same.');
        const { row, server } = attachedVolume;
        const fixed = {
          id: row.volume_id,
          serverId: server.id,
          device: `/dev/${row.device}`,
          tag: row.tag,
        } as const;
        const changed = (['id', 'serverId', 'device', 'tag'] as const).find(
          (name) => attachment[name] !== undefined && attachment[name] !== fixed[name],
        );
        if (changed)
          return fault('badRequest', `The ${changed} of a volume attachment cannot be changed.`);
        if (attachment.delete_on_termination !== undefined)
          await changeServerVolume(db, row.id, {
            delete_on_termination: attachment.delete_on_termination ? 1 : 0,
          });
        return { status: 202 };
      },
    }),
    route('DELETE', `${path}/:volume`, {
      policy: policy('delete'),
      faults: ['notFound', 'conflict', 'forbidden'],
      handler: async (request) => {
        const attachedVolume = await requestedVolume(request);
        if (isFault(attachedVolume)) return attachedVolume;
        if (attachedVolume.row.boot_index === 0)
          return fault('forbidden', 'Cannot detach a root device volume');
        const begun = await beginVolumeChange(deps, request, attachedVolume.server, {
          detach: attachedVolume.row,
        });
        return isFault(begun) ? begun : { status: 202 };
      },
    }),
  ];

  /**
   * Waits until Cinder has reserved the volume for the server; returns the attachment, or the
   * reason why it failed.
   */
  async function reserved(
    request: ApiRequest<unknown>,
    { sagaId, actionId, row }: { sagaId: string; actionId: string; row: VolumeRow },
  ) {
    const answer = await sagas.watch(
      sagaId,
      async () => {
        const inWork = await sagas.isUnfinished(sagaId);
        const now = await findVolumeRow(db, row.id);
        if (now && (now.attachment_id !== null || !inWork))
          return { status: 200, body: { volumeAttachment: attachedView(now, request.version) } };
        if (inWork) return undefined;
        const why = (await eventsOf(db, actionId)).find((event) => event.result === 'Error');
        return fault('badRequest', why?.details ?? `Failed to attach volume ${row.volume_id}.`);
      },
      reservedWithinMs,
    );
    if (answer) return answer;
    return fault('timeout', `Volume ${row.volume_id} is not attached yet; it may still come.`);
  }
}
