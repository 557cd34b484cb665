// Actions on a volume: POST /volumes/{id}/action.
// https://docs.openstack.org/api-ref/block-storage/v3/#volume-actions-volumes-action
import Type from 'typebox';
import { volumeStatuses } from '#contracts/cinder/volume-states.ts';
import type { AttachStatus, VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { booleanOf } from '#openstack/http/lenient-values.ts';
import type { Reply, Route } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { deleteAttachmentsOf, markAttached } from '../store/attachments.ts';
import { metadataIn } from '../store/rows.ts';
import type { VolumeRow } from '../store/tables.ts';
import { changeVolume, changeVolumeIn, findVolume, lockVolume } from '../store/volumes.ts';
import { action, actionRoute, statusSchema } from './actions.ts';
import type { Action } from './actions.ts';
import { attachmentActions } from './attachment-actions.ts';
import { extendVolume } from './extend-volume.ts';
import {
  booleanSchema,
  maxMetadataItems,
  metadataSchema,
  sizeSchema,
  strict,
  tooManyItems,
} from './field-schemas.ts';
import type { HandlerDeps } from './handler-deps.ts';
import { requestedVolume, wrongStatus } from './request.ts';
import { retypeVolume } from './retype-volume.ts';
import { notOffered } from './unsupported.ts';
import { uploadAction } from './upload-action.ts';
import { beginDeletion } from './volumes.ts';

export function volumeActionRoutes(deps: HandlerDeps): readonly Route[] {
  const { db } = deps.database;
  const { clock } = deps;
  const table: Record<string, Action<VolumeRow>> = {
    ...attachmentActions(deps),
    'os-extend': action<VolumeRow, { new_size: number | string }>({
      policy: 'volume:extend',
      body: Type.Object({ new_size: sizeSchema }, strict),
      run: async (request, volume, { new_size }) =>
        await extendVolume(deps, request, volume, Number(new_size)),
    }),
    'os-set_bootable': action<VolumeRow, { bootable: boolean | string }>({
      policy: 'volume:set_bootable',
      body: Type.Object({ bootable: booleanSchema }, strict),
      run: async (_, volume, { bootable }) => {
        await changeVolume(db, volume.id, { bootable: booleanOf(bootable) ? 1 : 0 }, clock.now());
        return { status: 200 };
      },
    }),
    'os-update_readonly_flag': action<VolumeRow, { readonly: boolean | string }>({
      policy: 'volume:update_readonly_flag',
      body: Type.Object({ readonly: booleanSchema }, strict),
      run: async (_, volume, { readonly }) =>
        (await changeVolumeIn(
          db,
          volume.id,
          ['available'],
          { readonly: booleanOf(readonly) ? 1 : 0 },
          clock.now(),
        ))
          ? { status: 202 }
          : wrongStatus(volume, 'available to update readonly flag'),
    }),
    'os-set_image_metadata': action<VolumeRow, { metadata: Record<string, string> }>({
      policy: 'volume_extension:volume_image_metadata:set',
      body: Type.Object({ metadata: metadataSchema }, strict),
      run: async (_, volume, { metadata }) => {
        const all = await changeImageMetadata(deps, volume, (now) => {
          const merged = { ...now, ...metadata };
          return Object.keys(merged).length > maxMetadataItems ? undefined : merged;
        });
        return all ? { status: 200, body: { metadata: all } } : tooManyItems();
      },
    }),
    'os-show_image_metadata': action<VolumeRow>({
      policy: 'volume_extension:volume_image_metadata:show',
      body: Type.Any(),
      run: async (_, volume) => ({
        status: 200,
        body: { metadata: metadataIn(volume.image_metadata_json) },
      }),
    }),
    'os-unset_image_metadata': action<VolumeRow, { key: string }>({
      policy: 'volume_extension:volume_image_metadata:remove',
      body: Type.Object({ key: Type.String({ minLength: 1, maxLength: 255 }) }, strict),
      run: async (_, volume, { key }) => {
        const left = await changeImageMetadata(
          deps,
          volume,
          ({ [key]: _removed, ...rest }, isThere) => (isThere(key) ? rest : undefined),
        );
        return left
          ? { status: 200 }
          : fault('notFound', `Volume has no metadata item with key ${key}.`);
      },
    }),
    'os-reset_status': action<
      VolumeRow,
      { status?: VolumeStatus; attach_status?: AttachStatus; migration_status?: string | null }
    >({
      policy: 'volume_extension:volume_admin_actions:reset_status',
      body: Type.Object(
        {
          status: Type.Optional(statusSchema(volumeStatuses)),
          attach_status: Type.Optional(
            Type.Union([Type.Literal('attached'), Type.Literal('detached')]),
          ),
          migration_status: Type.Optional(Type.Any()),
        },
        { ...strict, minProperties: 1 },
      ),
      run: async (_, volume, { status, attach_status }) =>
        await resetStatus(deps, volume, status, attach_status),
    }),
    'os-force_delete': action<VolumeRow>({
      policy: 'volume_extension:volume_admin_actions:force_delete',
      body: Type.Any(),
      run: async (request, volume) => {
        const begun = await beginDeletion(deps, request, volume, { force: true, cascade: true });
        return isFault(begun) ? begun : { status: 202 };
      },
    }),
    'os-volume_upload_image': uploadAction(deps),
    'os-retype': action<VolumeRow, { new_type: string; migration_policy?: string }>({
      policy: 'volume:retype',
      body: Type.Object(
        {
          new_type: Type.String({ minLength: 1, maxLength: 255 }),
          migration_policy: Type.Optional(
            Type.Union([Type.Literal('never'), Type.Literal('on-demand')]),
          ),
        },
        strict,
      ),
      run: async (request, volume, { new_type }) =>
        await retypeVolume(deps, request, volume, new_type),
    }),
    ...notOffered<VolumeRow>({
      'os-migrate_volume': 'volume_extension:volume_admin_actions:migrate_volume',
      'os-migrate_volume_completion': 'volume_extension:volume_admin_actions:migrate_volume',
      'os-unmanage': 'volume_extension:volume_unmanage',
      revert: 'volume:revert_to_snapshot',
    }),
  };
  return [actionRoute('/volumes', async (request) => await requestedVolume(deps, request), table)];
}

async function changeImageMetadata(
  { database: { db }, clock }: HandlerDeps,
  volume: VolumeRow,
  next: (
    now: Record<string, string>,
    isThere: (key: string) => boolean,
  ) => Record<string, string> | undefined,
): Promise<Record<string, string> | undefined> {
  return await transaction(db, async (trx) => {
    await lockVolume(trx, volume.id);
    const current = await findVolume(trx, volume.id, null);
    const now = metadataIn(current?.image_metadata_json ?? '{}');
    const metadata = current && next(now, (key) => Object.hasOwn(now, key));
    if (metadata)
      await changeVolume(
        trx,
        volume.id,
        { image_metadata_json: JSON.stringify(metadata) },
        clock.now(),
      );
    return metadata;
  });
}

/**
 * Sets the status that an operator gives, without any work on a backend. `attach_status: detached`
 * also deletes the attachments.
 */
async function resetStatus(
  { database: { db }, clock, log }: HandlerDeps,
  volume: VolumeRow,
  status: VolumeStatus | undefined,
  attachStatus: AttachStatus | undefined,
): Promise<Outcome<Reply>> {
  if (status === undefined && attachStatus === undefined)
    return fault(
      'badRequest',
      "Must specify 'status', 'attach_status' or 'migration_status' for update.",
    );
  await transaction(db, async (trx) => {
    if (attachStatus === 'detached') await deleteAttachmentsOf(trx, volume.id);
    else if (attachStatus === 'attached') await markAttached(trx, volume.id);
    if (status !== undefined) await changeVolume(trx, volume.id, { status }, clock.now());
  });
  log.warn(
    { volume: volume.id, was: volume.status, status, attachStatus },
    'an operator reset the state of a volume',
  );
  return { status: 202 };
}
