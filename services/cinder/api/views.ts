// Volumes and snapshots as shown in responses, by microversion.
// https://docs.openstack.org/api-ref/block-storage/v3/#volumes-volumes
import type { Json, JsonObject } from '#contracts/common/json.ts';
import { attachmentsOfAll } from '../store/attachments.ts';
import { metadataIn } from '../store/rows.ts';
import type { AttachmentRow, SnapshotRow, VolumeRow } from '../store/tables.ts';
import { typeNames } from '../store/types.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { isAdmin, linksOf } from './request.ts';
import type { Request } from './request.ts';
import { timeOrNull, timeText } from './times.ts';

export const volumeSummary = (request: Request, { id, name }: VolumeRow): JsonObject => ({
  id,
  name,
  links: linksOf(request, 'volumes', id),
});

const attachmentIn = (request: Request, row: AttachmentRow): Json => ({
  id: row.volume_id,
  attachment_id: row.id,
  volume_id: row.volume_id,
  server_id: row.server_id,
  device: row.device,
  host_name: isAdmin(request) ? row.host_name : null,
  attached_at: timeOrNull(row.attached_at_ms),
});

/** The fields in responses to create and update. */
function volumeBase(
  request: Request,
  row: VolumeRow,
  typeName: string | null,
  attachments: readonly AttachmentRow[],
): JsonObject {
  const { version } = request;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    size: row.size_gib,
    status: row.status,
    availability_zone: row.availability_zone,
    bootable: row.bootable === 1 ? 'true' : 'false',
    encrypted: false,
    multiattach: false,
    volume_type: typeName,
    snapshot_id: row.snapshot_id,
    source_volid: row.source_volid,
    metadata: {
      ...metadataIn(row.metadata_json),
      ...(row.readonly === null ? {} : { readonly: row.readonly === 1 ? 'True' : 'False' }),
    },
    attachments: attachments
      .filter(({ status }) => status === 'attached' || status === 'detaching')
      .map((attachment) => attachmentIn(request, attachment)),
    created_at: timeText(row.created_at_ms),
    updated_at: timeOrNull(row.updated_at_ms),
    user_id: row.user_id,
    links: linksOf(request, 'volumes', row.id),
    replication_status: null,
    consistencygroup_id: null,
    migration_status: null,
    ...(version >= 13 ? { group_id: null } : {}),
    ...(version >= 21 && isAdmin(request) ? { provider_id: null } : {}),
    ...(version >= 48 ? { service_uuid: null, shared_targets: version >= 69 ? null : false } : {}),
    ...(version >= 61 && isAdmin(request) ? { cluster_name: null } : {}),
    ...(version >= 63 ? { volume_type_id: row.type_id } : {}),
    ...(version >= 65 ? { consumes_quota: true } : {}),
  };
}

function volumeDetail(
  request: Request,
  row: VolumeRow,
  typeName: string | null,
  attachments: readonly AttachmentRow[],
): JsonObject {
  const image = metadataIn(row.image_metadata_json);
  return {
    ...volumeBase(request, row, typeName, attachments),
    'os-vol-tenant-attr:tenant_id': row.project_id,
    ...(isAdmin(request)
      ? {
          'os-vol-host-attr:host': row.host,
          'os-vol-mig-status-attr:migstat': null,
          'os-vol-mig-status-attr:name_id': null,
        }
      : {}),
    ...(Object.keys(image).length > 0 ? { volume_image_metadata: image } : {}),
  };
}

export async function volumeViews(
  { database: { db } }: HandlerDeps,
  request: Request,
  rows: readonly VolumeRow[],
  how: 'detail' | 'base',
): Promise<JsonObject[]> {
  const [names, attachments] = [
    await typeNames(db),
    await attachmentsOfAll(
      db,
      rows.map(({ id }) => id),
    ),
  ];
  const view = how === 'detail' ? volumeDetail : volumeBase;
  return rows.map((row) =>
    view(
      request,
      row,
      row.type_id === null ? null : (names.get(row.type_id) ?? null),
      attachments.get(row.id) ?? [],
    ),
  );
}

export async function volumeView(
  deps: HandlerDeps,
  request: Request,
  row: VolumeRow,
  how: 'detail' | 'base',
): Promise<JsonObject> {
  const [view] = await volumeViews(deps, request, [row], how);
  return view ?? {};
}

export function snapshotView(
  request: Request,
  row: SnapshotRow,
  how: 'detail' | 'base',
): JsonObject {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    volume_id: row.volume_id,
    status: row.status,
    size: row.size_gib,
    metadata: metadataIn(row.metadata_json),
    created_at: timeText(row.created_at_ms),
    updated_at: timeOrNull(row.updated_at_ms),
    ...(how === 'detail'
      ? {
          'os-extended-snapshot-attributes:progress': row.progress,
          'os-extended-snapshot-attributes:project_id': row.project_id,
        }
      : {}),
    ...(request.version >= 14 ? { group_snapshot_id: null } : {}),
    ...(request.version >= 41 ? { user_id: row.user_id } : {}),
    ...(request.version >= 65 ? { consumes_quota: true } : {}),
  };
}
