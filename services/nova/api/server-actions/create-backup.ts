// createBackup: an image of a server's root disk; `rotation` says how many backups of the same type
// are kept.
// https://docs.openstack.org/api-ref/compute/#create-server-back-up-createbackup-action
import Type from 'typebox';
import { fault, isFault } from '#contracts/common/fault.ts';
import { diskImage } from '../../domain/snapshot-image.ts';
import { member } from '../policy-rules.ts';
import { checkLock } from '../servers/begin.ts';
import { metadataSchema, nameSchema } from '../servers/create-schema.ts';
import type { ServerActionRow } from './action.ts';
import { imageReply, ofDisk, refuseNow } from './create-image.ts';

interface Body {
  name: string;
  backup_type: string;
  rotation: number | string;
  metadata?: Record<string, string>;
}

const rotationSchema = Type.Union([
  Type.Integer({ minimum: 0 }),
  Type.String({ pattern: '^[0-9]{1,9}$' }),
]);

export const createBackup: ServerActionRow = {
  key: 'createBackup',
  policy: { name: 'os_compute_api:os-create-backup', default: member },
  faults: ['conflict', 'notFound', 'overQuota', 'tooLarge'],
  schema: Type.Object(
    {
      name: nameSchema,
      backup_type: Type.String({ minLength: 1, maxLength: 255 }),
      rotation: rotationSchema,
      metadata: Type.Optional(metadataSchema),
    },
    { additionalProperties: false },
  ),
  async handler(deps, request, server, value) {
    // validated by the schema
    const { name, backup_type: type, rotation, metadata = {} } = value as unknown as Body;
    const refusal = refuseNow(request, server, 'createBackup');
    if (refusal) return refusal;
    if (server.image_id === null)
      return (
        checkLock(request, server) ??
        fault('badRequest', 'It is not supported to backup volume backed instance.')
      );
    const image = diskImage(server, name, metadata);
    const keep = Number(rotation);
    const imageId = await ofDisk(
      deps,
      request,
      server,
      { ...image, image_type: 'backup', backup_type: type },
      { type, keep },
    );
    if (isFault(imageId)) return imageId;
    // With rotation 0 the new image is itself removed, so there is no Location to return.
    return keep > 0 ? imageReply(request, imageId) : { status: 202 };
  },
};
