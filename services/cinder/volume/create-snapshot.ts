// The saga that takes a snapshot. For a volume that is not in use the backend does it alone; for
// one in use the guest's hypervisor takes part: online-snapshot.ts. Started by POST /snapshots, and
// for the temporary snapshot from which a volume in use is copied or backed up.
import type { SnapshotInput } from '#contracts/cinder/operations.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { AnySaga, SagaStep } from '#platform/saga/saga.ts';
import { isInUse } from '../store/attachments.ts';
import { defineOperation } from '../store/operations.ts';
import { leaveMessage } from '../store/owner-messages.ts';
import { changeSnapshotIn, findSnapshot } from '../store/snapshots.ts';
import { backendRetries, placedVolume, quickDeadlineMs, undoOnBackend } from './backends.ts';
import { removeSnapshot } from './delete-snapshot.ts';
import { switchGuest, undoPreparation } from './online-snapshot.ts';
import type { VolumeDeps } from './volume-deps.ts';

type State = { online?: boolean; newFile?: string };
type Step = SagaStep<SnapshotInput, State>;

export function createSnapshot(deps: VolumeDeps): AnySaga {
  const { db } = deps.database;
  const { clock } = deps;
  return defineOperation<'cinder.create-snapshot', State>({
    name: 'cinder.create-snapshot',
    steps: [inspectStep(deps), takeStep(deps), switchStep(deps), finishStep(deps)],
    async failed({ snapshotId, projectId }, _state, reason, context) {
      await changeSnapshotIn(db, snapshotId, ['creating'], { status: 'error' }, clock.now());
      await leaveMessage(
        deps,
        'createSnapshot',
        { type: 'VOLUME_SNAPSHOT', id: snapshotId, projectId },
        reason,
        context,
      );
    },
  });
}

/**
 * Finds out whether a guest has the volume. No server can attach it while this saga holds the
 * volume's lock; it can only be detached.
 */
const inspectStep = ({ database: { db } }: VolumeDeps): Step => ({
  name: 'look',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  run: async ({ volumeId }) => ({ online: await isInUse(db, volumeId) }),
});

const takeStep = (deps: VolumeDeps): Step => ({
  name: 'take',
  deadlineMs: quickDeadlineMs,
  retries: backendRetries,
  async run({ snapshotId, volumeId }, { online }) {
    const placed = await placedVolume(deps, volumeId);
    if (isFault(placed)) return placed;
    const { backend } = placed;
    const key = { id: snapshotId, volumeId };
    return online ? await backend.prepareOnlineSnapshot(key) : await backend.createSnapshot(key);
  },
  async undo(input, { online }, context) {
    const { snapshotId, volumeId } = input;
    // An available snapshot belongs to its owner and must not be undone.
    if ((await findSnapshot(deps.database.db, snapshotId, null))?.status !== 'creating') return;
    if (online) return await undoPreparation(deps, input, context);
    const placed = await placedVolume(deps, volumeId);
    if (isFault(placed)) return;
    const key = { id: snapshotId, volumeId };
    const free = { inUse: false, assisted: null };
    await undoOnBackend(
      deps,
      `snapshot ${snapshotId}`,
      context,
      async () => await removeSnapshot(placed.backend, key, free),
    );
  },
});

const switchStep = (deps: VolumeDeps): Step => ({
  name: 'switch guest',
  deadlineMs: deps.config.assistedSnapshotTimeoutMs + quickDeadlineMs,
  retries: 3,
  run: async (input, { online, newFile }, context) =>
    online && newFile !== undefined ? await switchGuest(deps, input, newFile, context) : undefined,
});

const finishStep = (deps: VolumeDeps): Step => ({
  name: 'finish',
  deadlineMs: quickDeadlineMs,
  retries: 3,
  async run({ snapshotId, volumeId }, { online }, { requestId }) {
    const { clock, database, log } = deps;
    const placed = await placedVolume(deps, volumeId);
    if (isFault(placed)) return placed;
    const finished = online
      ? await placed.backend.finishOnlineSnapshot({ id: snapshotId, volumeId })
      : undefined;
    if (isFault(finished)) return finished;
    await changeSnapshotIn(
      database.db,
      snapshotId,
      ['creating'],
      { status: 'available', progress: '100%', assisted: null },
      clock.now(),
    );
    log.info(
      { snapshot: snapshotId, volume: volumeId, online, req: requestId },
      'snapshot created',
    );
    return undefined;
  },
});
