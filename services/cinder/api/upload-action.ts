// os-volume_upload_image: turns an available volume into an image. cinder-api creates the image
// with the caller's identity, a saga uploads its data.
// https://docs.openstack.org/api-ref/block-storage/v3/#upload-volume-to-image
import Type from 'typebox';
import { volumeLock } from '#contracts/cinder/operations.ts';
import { volumeImageFields } from '#contracts/cinder/wire.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Reply } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { enqueueOperation, whenIdle } from '../store/operations.ts';
import { metadataIn } from '../store/rows.ts';
import type { VolumeRow } from '../store/tables.ts';
import { extraSpecsOf, findType } from '../store/types.ts';
import { changeVolumeIn } from '../store/volumes.ts';
import { action } from './actions.ts';
import type { Action } from './actions.ts';
import { booleanSchema, orNull, strict } from './field-schemas.ts';
import { createImage } from './glance.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { Request } from './request.ts';
import { timeOrNull } from './times.ts';

interface Upload {
  image_name: string;
  disk_format?: string;
  container_format?: string | null;
  force?: boolean | string;
  visibility?: string;
  protected?: boolean | string;
}
const visibilitySince = 1;
const unwoundWithinMs = 5_000;
const formats = ['raw', 'qcow2'] as const;
const isOffered = (format: string): format is (typeof formats)[number] =>
  (formats as readonly string[]).includes(format);
export const uploadAction = (deps: HandlerDeps): Action<VolumeRow> =>
  action<VolumeRow, Upload>({
    policy: 'volume_extension:volume_actions:upload_image',
    body: Type.Object(
      {
        image_name: Type.String({ minLength: 1, maxLength: 255 }),
        force: Type.Optional(booleanSchema),
        container_format: Type.Optional(orNull(Type.String({ maxLength: 255 }))),
        disk_format: Type.Optional(
          Type.Union(
            ['raw', 'vmdk', 'vdi', 'qcow2', 'vhd', 'vhdx', 'ploop'].map((format) =>
              Type.Literal(format),
            ),
          ),
        ),
        visibility: Type.Optional(
          Type.Union(
            ['community', 'public', 'private', 'shared'].map((word) => Type.Literal(word)),
          ),
        ),
        protected: Type.Optional(booleanSchema),
      },
      strict,
    ),
    run: async (request, volume, input) => await upload(deps, request, volume, input),
  });

async function upload(
  deps: HandlerDeps,
  request: Request,
  volume: VolumeRow,
  input: Upload,
): Promise<Outcome<Reply>> {
  const { db } = deps.database;
  const { clock } = deps;
  const [diskFormat, containerFormat] = [
    input.disk_format ?? 'raw',
    input.container_format ?? 'bare',
  ];
  if (!isOffered(diskFormat) || containerFormat !== 'bare')
    return fault(
      'badRequest',
      `Invalid input received: a volume becomes an image of disk_format ${formats.join(' or ')} and container_format bare.`,
    );
  // Refused even with `force`: writes of a running guest would make the image inconsistent.
  const needed = `Invalid volume: Volume ${volume.id} status must be available, but current status is: ${volume.status}.`;
  if (volume.status !== 'available') return fault('badRequest', needed);
  const properties = Object.fromEntries(
    Object.entries(metadataIn(volume.image_metadata_json)).filter(
      ([name]) => !volumeImageFields.includes(name), // Glance sets these for the new image itself
    ),
  );
  const extra =
    request.version >= visibilitySince
      ? {
          visibility: input.visibility ?? 'private',
          protected: booleanOf(input.protected ?? false) ?? false,
        }
      : {};
  // The saga is journalled before the image is created, so that no image without data stays behind:
  // the saga uploads the data or removes the image.
  const imageId = deps.ids.uuid();
  const begun = await transaction(db, async (trx) => {
    if (
      !(await changeVolumeIn(trx, volume.id, ['available'], { status: 'uploading' }, clock.now()))
    )
      return false;
    await enqueueOperation(deps, trx, request.id, {
      name: 'cinder.upload-image',
      lockKey: volumeLock(volume.id),
      input: { volumeId: volume.id, projectId: volume.project_id, imageId, diskFormat },
    });
    return true;
  });
  if (!begun) return fault('badRequest', needed);
  const image = await createImage(
    deps,
    {
      ...properties,
      id: imageId,
      name: input.image_name,
      disk_format: diskFormat,
      container_format: containerFormat,
      min_disk: volume.size_gib,
      ...extra,
    },
    { token: request.auth.token, requestId: request.id },
  );
  if (isFault(image))
    await transaction(db, async (trx) => await deps.sagas.cancel(trx, volumeLock(volume.id)));
  await deps.wakeVolume(request.id);
  if (isFault(image)) {
    await whenIdle(deps, volume.id, unwoundWithinMs, async () => undefined);
    return image;
  }
  const type = volume.type_id === null ? undefined : await findType(db, volume.type_id, null);
  return {
    status: 202,
    body: {
      'os-volume_upload_image': {
        id: volume.id,
        updated_at: timeOrNull(volume.updated_at_ms),
        status: 'uploading',
        display_description: volume.description,
        size: volume.size_gib,
        volume_type: type
          ? {
              id: type.id,
              name: type.name,
              description: type.description,
              is_public: type.is_public === 1,
              extra_specs: extraSpecsOf(type),
            }
          : null,
        image_id: imageId,
        container_format: containerFormat,
        disk_format: diskFormat,
        image_name: input.image_name,
        ...extra,
      },
    },
  };
}
