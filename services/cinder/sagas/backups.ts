// The sagas of backups: made from a free volume or a snapshot, restored to a new or a free volume,
// removed. Begun by the routes of api/backups.ts.
import { createReadStream } from 'node:fs';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import { reasonFor } from '../domain/messages.ts';
import type { CinderParts } from '../parts.ts';
import { changeBackupIn, dataIdOf, findBackup, sharesData } from '../store/backups.ts';
import { changeSnapshotIn } from '../store/snapshots.ts';
import { changeVolume, changeVolumeIn } from '../store/volumes.ts';
import { placeStep, unmake } from './create-volume.ts';
import { dropTemporary } from './snapshots.ts';
import {
  backendFor,
  backendRetries,
  quickDeadlineMs,
  snapshotOf,
  tellOwner,
  volumeOf,
  withSpoolFile,
} from './station.ts';

/** `temporary`: the snapshot was taken for this backup alone, since a guest has the volume. */
export type BackupInput = {
  backupId: string;
  volumeId: string;
  snapshotId: string | null;
  temporary: boolean;
  projectId: string;
  before: VolumeStatus;
};
export type RestoreInput = {
  backupId: string;
  volumeId: string;
  projectId: string;
  created: boolean;
};
export type RemoveInput = { backupId: string; projectId: string };
type RestoreState = { placed?: boolean };

export const createBackupName = 'cinder.create-backup';
export const restoreBackupName = 'cinder.restore-backup';
export const deleteBackupName = 'cinder.delete-backup';

/** What a restored volume takes over beside its bytes. */
export interface BackedUpFacts {
  bootable: number;
  metadata: Record<string, string>;
  imageMetadata: Record<string, string>;
}

export function createBackup(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    backups,
    log,
  } = parts;
  const freeSource = async (
    { volumeId, snapshotId, temporary, projectId, before }: BackupInput,
    requestId: string,
  ): Promise<void> => {
    if (snapshotId !== null && temporary)
      await dropTemporary(parts, { snapshotId, volumeId, projectId }, requestId);
    else if (snapshotId !== null)
      await changeSnapshotIn(db, snapshotId, ['backing-up'], { status: 'available' }, clock.now());
    else await changeVolumeIn(db, volumeId, ['backing-up'], { status: before }, clock.now());
  };
  return saga<BackupInput, Record<string, never>>({
    name: createBackupName,
    steps: [
      {
        name: 'write',
        deadlineMs: config.copyTimeoutMs,
        retries: backendRetries,
        async run({ backupId, volumeId, snapshotId, temporary }, _state, { signal }) {
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const taken =
            temporary && snapshotId !== null ? await snapshotOf(parts, snapshotId) : undefined;
          if (isFault(taken)) return taken;
          if (taken && taken.status !== 'available')
            return fault(
              'conflict',
              'The volume is in use, and the snapshot to be backed up could not be taken.',
            );
          const backend = backendFor(parts, volume);
          if (isFault(backend)) return backend;
          const written = await withSpoolFile(parts, `backup-${backupId}`, async (path) => {
            const exported = await backend.exportFile(
              snapshotId === null ? { volumeId } : { snapshot: { id: snapshotId, volumeId } },
              { path, format: 'qcow2' },
              { signal },
            );
            return (
              exported ??
              (await backups.write(backupId, createReadStream(path), { stallMs: config.stallMs }))
            );
          });
          return isFault(written) ? written : undefined;
        },
        async undo({ backupId }) {
          const backup = await findBackup(db, backupId, null);
          if (backup && backup.status !== 'creating') return; // it was finished, and is its owner's
          const gone = await backups.remove(backupId);
          if (isFault(gone)) throw new Error(`backup ${backupId} is not removed: ${gone.message}`);
        },
      },
      {
        name: 'finish',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run(input, _state, { requestId }) {
          await changeBackupIn(
            db,
            input.backupId,
            ['creating'],
            { status: 'available', object_count: 1 },
            clock.now(),
          );
          const backup = await findBackup(db, input.backupId, null);
          // Removed by force meanwhile, perhaps before there was anything to remove.
          const gone =
            !backup || backup.status === 'deleting'
              ? await backups.remove(input.backupId)
              : undefined;
          if (isFault(gone)) return gone;
          await freeSource(input, requestId);
          log.info(
            { backup: input.backupId, volume: input.volumeId, req: requestId },
            'backup created',
          );
          return undefined;
        },
      },
    ],
    async failed(input, _state, reason, context) {
      await changeBackupIn(
        db,
        input.backupId,
        ['creating'],
        { status: 'error', fail_reason: reasonFor('createBackup', reason) },
        clock.now(),
      );
      await freeSource(input, context.requestId);
      await tellOwner(
        parts,
        'createBackup',
        { type: 'VOLUME_BACKUP', id: input.backupId, projectId: input.projectId },
        reason,
        context,
      );
    },
  });
}

export function restoreBackup(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    backups,
    log,
  } = parts;
  const place = placeStep<RestoreInput>(parts);
  return saga<RestoreInput, RestoreState>({
    name: restoreBackupName,
    steps: [
      place,
      {
        name: 'make',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ volumeId, created }) {
          if (!created) return undefined;
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          const made = isFault(backend)
            ? backend
            : await backend.createVolume(volumeId, volume.size_gib, { kind: 'blank' });
          if (!isFault(made))
            await changeVolumeIn(
              db,
              volumeId,
              ['creating'],
              { status: 'restoring-backup' },
              clock.now(),
            );
          return made;
        },
        undo: async ({ volumeId, created }, _state, context) =>
          created ? await unmake(parts, volumeId, context) : undefined,
      },
      {
        name: 'fill',
        deadlineMs: config.copyTimeoutMs,
        retries: backendRetries,
        async run({ backupId, volumeId }, _state, { signal }) {
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return volume;
          const backend = backendFor(parts, volume);
          if (isFault(backend)) return backend;
          const backup = await findBackup(db, backupId, null);
          const filled = await withSpoolFile(parts, `restore-${volumeId}`, async (path) => {
            const read = await backups.read(backup ? dataIdOf(backup) : backupId, path);
            return isFault(read)
              ? read
              : await backend.importFile(
                  volumeId,
                  volume.size_gib,
                  { path, diskFormat: 'qcow2' },
                  { signal },
                );
          });
          return filled;
        },
      },
      {
        name: 'finish',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ backupId, volumeId }, _state, { requestId }) {
          const backup = await findBackup(db, backupId, null);
          // written by api/backups.ts
          const facts = backup && (JSON.parse(backup.volume_facts_json) as BackedUpFacts);
          if (facts)
            await changeVolume(
              db,
              volumeId,
              {
                bootable: facts.bootable,
                metadata_json: JSON.stringify(facts.metadata),
                image_metadata_json: JSON.stringify(facts.imageMetadata),
              },
              clock.now(),
            );
          await changeVolumeIn(
            db,
            volumeId,
            ['creating', 'restoring-backup'],
            { status: 'available' },
            clock.now(),
          );
          await changeBackupIn(db, backupId, ['restoring'], { status: 'available' }, clock.now());
          log.info({ backup: backupId, volume: volumeId, req: requestId }, 'backup restored');
        },
      },
    ],
    async failed({ backupId, volumeId, projectId, created }, _state, reason, context) {
      await changeVolumeIn(
        db,
        volumeId,
        ['creating', 'restoring-backup'],
        { status: created ? 'error' : 'error_restoring' },
        clock.now(),
      );
      await changeBackupIn(db, backupId, ['restoring'], { status: 'available' }, clock.now());
      await tellOwner(
        parts,
        'restoreBackup',
        { type: 'VOLUME_BACKUP', id: backupId, projectId },
        reason,
        context,
      );
    },
  });
}

export function deleteBackup(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    backups,
    log,
  } = parts;
  return saga<RemoveInput, Record<string, never>>({
    name: deleteBackupName,
    steps: [
      {
        name: 'remove',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ backupId }, _state, { requestId }) {
          const backup = await findBackup(db, backupId, null);
          if (!backup) return undefined; // an earlier run did
          // Who deletes or imports the same data waits for this saga's lock: the answer stays true.
          const gone = (await sharesData(db, backup))
            ? undefined
            : await backups.remove(dataIdOf(backup));
          if (isFault(gone)) return gone;
          await db.deleteFrom('backups').where('id', '=', backupId).execute();
          log.info({ backup: backupId, req: requestId }, 'backup deleted');
          return undefined;
        },
      },
    ],
    async failed({ backupId, projectId }, _state, reason, context) {
      await changeBackupIn(
        db,
        backupId,
        ['deleting'],
        { status: 'error_deleting', fail_reason: reasonFor('deleteBackup', reason) },
        clock.now(),
      );
      await tellOwner(
        parts,
        'deleteBackup',
        { type: 'VOLUME_BACKUP', id: backupId, projectId },
        reason,
        context,
      );
    },
  });
}
