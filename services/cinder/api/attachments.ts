// Attachments: which server has which volume. Nova creates one without a connector (volume
// reserved), adds the connector once a host is chosen (attaching), completes it (in-use) and
// deletes it. https://docs.openstack.org/api-ref/block-storage/v3/#attachments
import Type from 'typebox';
import type { ConnectionInfo } from '#contracts/cinder/connection-info.ts';
import { flatConnectionInfo } from '#contracts/cinder/connection-info.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { route } from '#openstack/http/route.ts';
import { attachmentsOf, findAttachment } from '../store/attachments.ts';
import type { AttachmentRow } from '../store/tables.ts';
import { findVolume } from '../store/volumes.ts';
import { complete, connect, mayRelease, release, reserve } from './attach.ts';
import { idSchema, orNull, strict } from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { ListRules } from './list-filters.ts';
import { listRoutes } from './list-routes.ts';
import { scopeOf } from './request.ts';
import type { Request } from './request.ts';
import { timeOrNull } from './times.ts';

const since = 27;
const completeSince = 44;
const connectorSchema = Type.Object({}, { additionalProperties: true });
const modeSchema = Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')]));
type Connector = JsonObject;
interface Create {
  volume_uuid: string;
  instance_uuid?: string | null;
  connector?: Connector | null;
  mode?: 'rw' | 'ro';
}
const createBody = Type.Object(
  {
    attachment: Type.Object(
      {
        volume_uuid: idSchema,
        instance_uuid: Type.Optional(orNull(idSchema)),
        connector: Type.Optional(orNull(connectorSchema)),
        mode: modeSchema,
      },
      strict,
    ),
  },
  strict,
);
const updateBody = Type.Object(
  {
    attachment: Type.Object(
      {
        connector: Type.Object({}, { additionalProperties: true, minProperties: 1 }),
        mode: modeSchema,
      },
      strict,
    ),
  },
  strict,
);
const completeBody = Type.Object({ 'os-complete': Type.Any() }, strict);
const rules: ListRules<'attachments'> = {
  table: 'attachments',
  text: {
    id: 'id',
    volume_id: 'volume_id',
    instance_id: 'server_id',
    instance: 'server_id',
    status: 'status',
    attach_status: 'status',
    project_id: 'project_id',
  },
  members: ['volume_id', 'status', 'instance_id', 'attach_status'],
  sort: {
    id: 'id',
    created_at: 'created_at_ms',
    volume_id: 'volume_id',
    instance: 'server_id',
    status: 'status',
  },
};

const summary = (row: AttachmentRow): JsonObject => ({
  id: row.id,
  status: row.status,
  instance: row.server_id,
  volume_id: row.volume_id,
});
function view(row: AttachmentRow): JsonObject {
  const info =
    // JSON written by `connect`
    row.connection_json === null ? null : (JSON.parse(row.connection_json) as ConnectionInfo);
  return {
    ...summary(row),
    attached_at: timeOrNull(row.attached_at_ms) ?? '',
    detached_at: '',
    attach_mode: row.mode,
    connection_info:
      info === null
        ? {}
        : { ...flatConnectionInfo(info), attachment_id: row.id, volume_id: row.volume_id },
  };
}

const shown = (row: Outcome<AttachmentRow>): Outcome<Reply> =>
  isFault(row) ? row : { status: 200, body: { attachment: view(row) } };

export function attachmentRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const requested = async (request: Request): Promise<Outcome<AttachmentRow>> => {
    const id = request.params['id'] ?? '';
    return (
      (await findAttachment(db, id, scopeOf(request))) ??
      fault('notFound', `Volume attachment could not be found with filter: attachment_id = ${id}.`)
    );
  };
  return [
    ...listRoutes(deps, {
      path: '/attachments',
      since,
      policy: 'volume:attachment_get_all',
      rules,
      summary: (_, rows) => rows.map(summary),
      detail: (_, rows) => rows.map(view),
    }),
    route('GET', '/attachments/:id', {
      since,
      policy: 'volume:attachment_get_all',
      faults: ['notFound'],
      handler: async (request) => {
        const row = await requested(request);
        return shown(row);
      },
    }),
    route<{ attachment: Create }>('POST', '/attachments', {
      since,
      policy: 'volume:attachment_create',
      body: createBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const { volume_uuid, instance_uuid, connector, mode } = request.body.attachment;
        const volume = await findVolume(db, volume_uuid, scopeOf(request));
        if (!volume) return fault('notFound', `Volume ${volume_uuid} could not be found.`);
        const reserved = await reserve(deps, volume, {
          serverId: instance_uuid ?? null,
          mode: mode ?? 'rw',
        });
        if (isFault(reserved) || !connector || Object.keys(connector).length === 0)
          return shown(reserved);
        const connected = await connect(deps, reserved, connector, null, request.id);
        // Read again: the failed attempt may have stored the connector, which decides how it is
        // released.
        const left = isFault(connected) ? await findAttachment(db, reserved.id, null) : undefined;
        if (left) await release(deps, request, left);
        return shown(connected);
      },
    }),
    route<{ attachment: { connector: Connector; mode?: 'rw' | 'ro' } }>('PUT', '/attachments/:id', {
      since,
      policy: 'volume:attachment_update',
      body: updateBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        const { connector, mode } = request.body.attachment;
        const connected = await connect(deps, row, connector, mode ?? null, request.id);
        return shown(connected);
      },
    }),
    route('POST', '/attachments/:id/action', {
      since: completeSince,
      policy: 'volume:attachment_complete',
      body: completeBody,
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        const completed = await complete(deps, row);
        return isFault(completed) ? completed : { status: 204 };
      },
    }),
    route('DELETE', '/attachments/:id', {
      since,
      policy: 'volume:attachment_delete',
      faults: ['notFound', 'conflict'],
      handler: async (request) => {
        const row = await requested(request);
        if (isFault(row)) return row;
        const denied = await mayRelease(deps, request, row);
        if (denied) return denied;
        const released = await release(deps, request, row);
        if (isFault(released)) return released;
        return {
          status: 200,
          body: { attachments: (await attachmentsOf(db, row.volume_id)).map(summary) },
        };
      },
    }),
  ];
}
