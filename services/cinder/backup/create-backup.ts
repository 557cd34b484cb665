// The saga that creates a backup of an available volume or of a snapshot. Started by POST /backups.
import { createReadStream } from 'node:fs';
import type { CinderOperations } from '#contracts/cinder/operations.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { withSpoolFile } from '#platform/spool.ts';
import { backendOfVolume } from '../domain/backend-of-volume.ts';
import { changeBackupIn, findBackup } from '../store/backups.ts';
import { defineOperation } from '../store/operations.ts';
import { changeSnapshotIn, requireSnapshot } from '../store/snapshots.ts';
import { enqueueTemporaryRemoval } from '../store/temporary-snapshots.ts';
import { changeVolumeIn, requireVolume } from '../store/volumes.ts';
import type { BackupDeps } from './backup-deps.ts';
import { quickDeadlineMs, storeRetries } from './deadlines.ts';
import { failNewBackup } from './fail-backup.ts';

type Input = CinderOperations['cinder.create-backup'];
type Step = SagaStep<Input, Record<string, never>>;

export function createBackup(deps: BackupDeps): AnySaga {
  return defineOperation<'cinder.create-backup'>({
    name: 'cinder.create-backup',
    pool: 'copy',
    steps: [writeStep(deps), finishStep(deps)],
    async failed(input, _state, reason, context) {
      await failNewBackup(deps, input, reason, context);
      await freeSource(deps, input, context.requestId);
    },
  });
}

const writeStep = (deps: BackupDeps): Step => ({
  name: 'write',
  deadlineMs: deps.config.copyTimeoutMs,
  retries: storeRetries,
  run: async (input, _state, { signal }) => await write(deps, input, signal),
  async undo({ backupId }) {
    const backup = await findBackup(deps.database.db, backupId, null);
    if (backup && backup.status !== 'creating') return; // completed: it is its owner's
    const removal = await deps.backups.remove(backupId);
    if (isFault(removal)) throw new Error(`backup ${backupId} is not removed: ${removal.message}`);
  },
});

async function write(
  { database: { db }, backends, backups, config, spoolDir }: BackupDeps,
  { backupId, volumeId, snapshotId, temporary }: Input,
  signal: AbortSignal,
): Promise<Outcome<undefined>> {
  const volume = await requireVolume(db, volumeId);
  if (isFault(volume)) return volume;
  const temporarySnapshot =
    temporary && snapshotId !== null ? await requireSnapshot(db, snapshotId) : undefined;
  if (isFault(temporarySnapshot)) return temporarySnapshot;
  if (temporarySnapshot && temporarySnapshot.status !== 'available')
    return fault(
      'conflict',
      'The volume is in use, and the snapshot to be backed up could not be taken.',
    );
  const backend = backendOfVolume(backends, volume);
  if (isFault(backend)) return backend;
  const upload = await withSpoolFile(spoolDir, `backup-${backupId}`, async (path) => {
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
  return isFault(upload) ? upload : undefined;
}

const finishStep = (deps: BackupDeps): Step => ({
  name: 'finish',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run(input, _state, { requestId }) {
    const { db } = deps.database;
    const { backups, clock, log } = deps;
    await changeBackupIn(
      db,
      input.backupId,
      ['creating'],
      { status: 'available', object_count: 1 },
      clock.now(),
    );
    const backup = await findBackup(db, input.backupId, null);
    // A forced deletion came meanwhile, perhaps before the store had any data to remove.
    const removal =
      !backup || backup.status === 'deleting' ? await backups.remove(input.backupId) : undefined;
    if (isFault(removal)) return removal;
    await freeSource(deps, input, requestId);
    log.info({ backup: input.backupId, volume: input.volumeId, req: requestId }, 'backup created');
    return undefined;
  },
});

async function freeSource(
  deps: BackupDeps,
  { volumeId, snapshotId, temporary, projectId, before }: Input,
  requestId: string,
): Promise<void> {
  const { db } = deps.database;
  const { clock, volume } = deps;
  if (snapshotId !== null && temporary) {
    await enqueueTemporaryRemoval(deps, { snapshotId, volumeId, projectId }, requestId);
    await volume.cast('wakeSagas', {}, { requestId });
  } else if (snapshotId !== null)
    await changeSnapshotIn(db, snapshotId, ['backing-up'], { status: 'available' }, clock.now());
  else await changeVolumeIn(db, volumeId, ['backing-up'], { status: before }, clock.now());
}
