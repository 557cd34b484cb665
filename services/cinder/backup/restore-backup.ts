// The saga that restores a backup to a new or an available volume. Started by POST
// /backups/{id}/restore and by POST /volumes with a backup. cinder-scheduler places a new volume
// and cinder-volume creates it; this role copies the data.
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { withSpoolFile } from '#platform/spool.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import { backedUpFacts, changeBackupIn, dataIdOf, findBackup } from '../store/backups.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { placeStep } from '../store/place-volume.ts';
import { changeVolume, changeVolumeIn, requireVolume } from '../store/volumes.ts';
import type { BackupDeps } from './backup-deps.ts';
import { quickDeadlineMs, storeRetries } from './deadlines.ts';

type Input = CinderOperations['cinder.restore-backup'];
type State = { placed?: boolean };
type Step = SagaStep<Input, State>;

/** Longer than cinder-volume tries to discard a volume whose backend does not answer. */
const volumeTimeoutMs = 90_000;

export function restoreBackup(deps: BackupDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  return defineOperation<'cinder.restore-backup', State>({
    name: 'cinder.restore-backup',
    pool: 'copy',
    steps: [placeStep(deps, storeRetries), makeStep(deps), fillStep(deps), finishStep(deps)],
    async failed({ backupId, volumeId, projectId, created }, _state, reason, context) {
      await changeVolumeIn(
        db,
        volumeId,
        ['creating', 'restoring-backup'],
        { status: created ? 'error' : 'error_restoring' },
        clock.now(),
      );
      await changeBackupIn(db, backupId, ['restoring'], { status: 'available' }, clock.now());
      await leaveMessage(
        deps,
        'restoreBackup',
        { type: 'VOLUME_BACKUP', id: backupId, projectId },
        reason,
        context,
      );
    },
  });
}

const makeStep = ({ database: { db }, clock, volume }: BackupDeps): Step => ({
  name: 'make',
  deadlineMs: quickDeadlineMs,
  retries: storeRetries,
  async run({ volumeId, created }, _state, { requestId }) {
    if (!created) return undefined;
    const blank = await volume.call(
      'createBlankVolume',
      { volumeId },
      { timeoutMs: volumeTimeoutMs, requestId },
    );
    if (isFault(blank)) return blank;
    await changeVolumeIn(db, volumeId, ['creating'], { status: 'restoring-backup' }, clock.now());
    return undefined;
  },
  async undo({ volumeId, created }, _state, { requestId }) {
    if (!created) return;
    const discarded = await volume.call(
      'discardVolume',
      { volumeId },
      { timeoutMs: volumeTimeoutMs, requestId },
    );
    if (isFault(discarded))
      throw new Error(`volume ${volumeId} is not discarded: ${discarded.message}`);
  },
});

const fillStep = ({ database: { db }, backends, backups, config, spoolDir }: BackupDeps): Step => ({
  name: 'fill',
  deadlineMs: config.copyTimeoutMs,
  retries: storeRetries,
  async run({ backupId, volumeId }, _state, { signal }) {
    const volume = await requireVolume(db, volumeId);
    if (isFault(volume)) return volume;
    const backend = backendOfVolume(backends, volume);
    if (isFault(backend)) return backend;
    const backup = await findBackup(db, backupId, null);
    return await withSpoolFile(spoolDir, `restore-${volumeId}`, async (path) => {
      const read = await backups.read(backup ? dataIdOf(backup) : backupId, path);
      const file = { path, diskFormat: 'qcow2' };
      return isFault(read)
        ? read
        : await backend.importFile(volumeId, volume.size_gib, file, { signal });
    });
  },
});

const finishStep = ({ database: { db }, clock, log }: BackupDeps): Step => ({
  name: 'finish',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run({ backupId, volumeId }, _state, { requestId }) {
    const backup = await findBackup(db, backupId, null);
    const facts = backup && backedUpFacts(backup);
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
});
