// The older attach API: actions on volumes, which create and change the same attachments.
import Type from 'typebox';
import type { ConnectionInfo } from '#contracts/cinder/connection-info.ts';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import { attachmentsOf, changeAttachment } from '../store/attachments.ts';
import type { AttachmentRow, VolumeRow } from '../store/tables.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import { action } from './actions.ts';
import type { Action } from './actions.ts';
import { complete, connect, evenInError, mayRelease, release, reserve } from './attach.ts';
import { idSchema, orNull, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { wrongStatus } from './request.ts';
import type { Request } from './request.ts';

type Attach = {
  instance_uuid?: string | null;
  mountpoint?: string | null;
  mode?: 'rw' | 'ro';
  host_name?: string | null;
};
type Detach = { attachment_id?: string | null; connector?: JsonObject | null } | null;
const connectorBody = Type.Object(
  { connector: Type.Object({}, { additionalProperties: true }) },
  strict,
);
const detachBody = Type.Union([
  Type.Object(
    { attachment_id: Type.Optional(orNull(idSchema)), connector: Type.Optional(Type.Any()) },
    strict,
  ),
  Type.Null(),
]);

export function attachmentActions(deps: HandlerDeps): Record<string, Action<VolumeRow>> {
  const { db } = deps.database;
  const { clock } = deps;
  const detach = async (
    request: Request,
    volume: VolumeRow,
    wanted: string | null,
    from?: readonly VolumeStatus[],
  ): Promise<ReturnType<typeof fault> | { status: number }> => {
    const all = await attachmentsOf(db, volume.id);
    const detached = wanted === null ? all : all.filter(({ id }) => id === wanted);
    if (wanted !== null && detached.length === 0)
      return fault(
        'notFound',
        `Volume attachment could not be found with filter: attachment_id = ${wanted}.`,
      );
    if (wanted === null && all.length > 1)
      return fault(
        'badRequest',
        'Invalid volume: Detach volume failed: More than one attachment, but no attachment_id provided.',
      );
    for (const row of detached) {
      const denied = await mayRelease(deps, request, row);
      if (denied) return denied;
      const released = await release(deps, request, row, from);
      if (isFault(released)) return released;
    }
    // No attachment exists: at most the volume's status remains to be reset.
    if (
      detached.length === 0 &&
      volume.status !== 'available' &&
      !(await changeVolumeIn(
        db,
        volume.id,
        from ?? ['in-use', 'detaching', 'attaching', 'reserved'],
        { status: 'available' },
        clock.now(),
      ))
    )
      return wrongStatus(volume, 'in-use or detaching');
    return { status: 202 };
  };
  /**
   * The attachment that the older actions mean, which name none: the volume's only one, or a new
   * one if the volume was only reserved.
   */
  const theOne = async (
    volume: VolumeRow,
    mode: 'rw' | 'ro' = 'rw',
  ): Promise<AttachmentRow | ReturnType<typeof fault>> => {
    const [row] = await attachmentsOf(db, volume.id);
    return (
      row ?? (await reserve(deps, volume, { serverId: null, mode }, ['available', 'attaching']))
    );
  };
  return {
    'os-reserve': action<VolumeRow>({
      policy: 'volume_extension:volume_actions:reserve',
      body: Type.Any(),
      run: async (_, volume) =>
        (await changeVolumeIn(db, volume.id, ['available'], { status: 'attaching' }, clock.now()))
          ? { status: 202 }
          : wrongStatus(volume, 'available'),
    }),
    'os-unreserve': action<VolumeRow>({
      policy: 'volume_extension:volume_actions:unreserve',
      body: Type.Any(),
      run: async (request, volume) => {
        if (volume.status !== 'reserved' && volume.status !== 'attaching') return { status: 202 };
        for (const row of await attachmentsOf(db, volume.id)) {
          const denied = await mayRelease(deps, request, row);
          if (denied) return denied;
          const released = await release(deps, request, row);
          if (isFault(released)) return released;
        }
        await changeVolumeIn(
          db,
          volume.id,
          ['reserved', 'attaching'],
          { status: 'available' },
          clock.now(),
        );
        return { status: 202 };
      },
    }),
    'os-begin_detaching': action<VolumeRow>({
      policy: 'volume_extension:volume_actions:begin_detaching',
      body: Type.Any(),
      run: async (_, volume) =>
        (await changeVolumeIn(db, volume.id, ['in-use'], { status: 'detaching' }, clock.now()))
          ? { status: 202 }
          : wrongStatus(volume, 'in-use and attached to detach'),
    }),
    'os-roll_detaching': action<VolumeRow>({
      policy: 'volume_extension:volume_actions:roll_detaching',
      body: Type.Any(),
      run: async (_, volume) => {
        await changeVolumeIn(db, volume.id, ['detaching'], { status: 'in-use' }, clock.now());
        return { status: 202 };
      },
    }),
    'os-attach': action<VolumeRow, Attach>({
      policy: 'volume_extension:volume_actions:attach',
      body: Type.Object(
        {
          instance_uuid: Type.Optional(orNull(idSchema)),
          mountpoint: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: 255 }))),
          mode: Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')])),
          host_name: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: 255 }))),
        },
        strict,
      ),
      run: async (_, volume, { instance_uuid, mountpoint, mode, host_name }) => {
        if (!instance_uuid && !host_name)
          return fault('badRequest', 'Invalid request to attach volume to an invalid target');
        if (
          volume.status !== 'available' &&
          volume.status !== 'reserved' &&
          volume.status !== 'attaching'
        )
          return wrongStatus(volume, 'available');
        const row = await theOne(volume, mode);
        if (isFault(row)) return row;
        // A caller who could name another server here could then detach the volume from the server
        // that has it, since `mayRelease` asks Nova about the server named.
        if (row.server_id !== null && row.server_id !== instance_uuid)
          return fault(
            'badRequest',
            `Invalid volume: Volume ${volume.id} is being attached by a different instance.`,
          );
        await changeAttachment(db, row.id, {
          server_id: instance_uuid ?? null,
          host_name: host_name ?? null,
          device: mountpoint ?? null,
          status: 'attaching',
        });
        const completed = await complete(deps, row);
        return isFault(completed) ? completed : { status: 202 };
      },
    }),
    'os-detach': action<VolumeRow, Detach>({
      policy: 'volume_extension:volume_actions:detach',
      body: detachBody,
      run: async (request, volume, input) =>
        await detach(request, volume, input?.attachment_id ?? null),
    }),
    'os-force_detach': action<VolumeRow, Detach>({
      policy: 'volume_extension:volume_admin_actions:force_detach',
      body: detachBody,
      run: async (request, volume, input) =>
        await detach(request, volume, input?.attachment_id ?? null, evenInError),
    }),
    'os-initialize_connection': action<VolumeRow, { connector: JsonObject }>({
      policy: 'volume_extension:volume_actions:initialize_connection',
      body: connectorBody,
      run: async (request, volume, { connector }) => {
        const row = await theOne(volume);
        const connected = isFault(row)
          ? row
          : await connect(deps, row, connector, null, request.id);
        if (isFault(connected)) return connected;
        // JSON written by `connect`
        const info = JSON.parse(connected.connection_json ?? '{}') as ConnectionInfo;
        return {
          status: 200,
          body: {
            connection_info: { driver_volume_type: info.driver_volume_type, data: info.data },
          },
        };
      },
    }),
    'os-terminate_connection': action<VolumeRow>({
      policy: 'volume_extension:volume_actions:terminate_connection',
      body: connectorBody,
      run: async () => ({ status: 202 }),
    }),
  };
}
