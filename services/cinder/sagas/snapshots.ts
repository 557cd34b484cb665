// The sagas that take and remove a snapshot. Of a free volume the backend takes it alone; of one in
// use the guest's hypervisor has to switch to the file that takes its writes from then on, which
// Nova arranges. Begun by POST /snapshots and DELETE /snapshots/{id}.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import { transaction } from '#platform/db/transaction.ts';
import type { AnySaga, SagaContext } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { SnapshotKey, VolumeBackend } from '#ports/volume-backend.ts';
import { assistSnapshot } from '../nova.ts';
import type { CinderParts } from '../parts.ts';
import {
  changeSnapshot,
  changeSnapshotIn,
  deleteSnapshotRow,
  findSnapshot,
} from '../store/snapshots.ts';
import type { SnapshotRow } from '../store/tables.ts';
import { volumeLock } from '../store/volumes.ts';
import {
  backendFor,
  backendRetries,
  isInUse,
  quickDeadlineMs,
  tellOwner,
  undoOnBackend,
  volumeOf,
} from './station.ts';

export type SnapshotInput = { snapshotId: string; volumeId: string; projectId: string };
type SnapshotState = { online?: boolean; newFile?: string };

export const createSnapshotName = 'cinder.create-snapshot';
export const deleteSnapshotName = 'cinder.delete-snapshot';
const lookEveryMs = 100;

async function backendOf(parts: CinderParts, volumeId: string): Promise<Outcome<VolumeBackend>> {
  const volume = await volumeOf(parts, volumeId);
  return isFault(volume) ? volume : backendFor(parts, volume);
}

/**
 * Asks Nova once and waits for its word, which comes as os-update_snapshot_status. A repeated
 * question is Nova's to recognise by the snapshot's id.
 */
async function switchGuest(
  parts: CinderParts,
  { snapshotId, volumeId }: SnapshotInput,
  newFile: string,
  { requestId, signal }: SagaContext,
): Promise<Outcome<void>> {
  const {
    database: { db },
    clock,
  } = parts;
  const heard = async () => (await findSnapshot(db, snapshotId, null))?.assisted;
  if ((await heard()) === 'done') return undefined;
  await changeSnapshot(db, snapshotId, { assisted: 'asked' }, clock.now());
  const asked = await assistSnapshot(parts, { id: snapshotId, volumeId, newFile }, requestId);
  if (isFault(asked)) {
    if (asked.kind === 'conflict' || asked.kind === 'notFound' || asked.kind === 'unauthorized')
      await changeSnapshot(db, snapshotId, { assisted: 'failed' }, clock.now());
    return asked;
  }
  const endsMs = clock.now() + parts.config.assistedSnapshotTimeoutMs;
  for (;;) {
    const word = await heard();
    if (word === 'done') return undefined;
    if (word !== 'asked') return fault('conflict', 'The hypervisor could not take the snapshot.');
    if (clock.now() > endsMs)
      return fault('conflict', 'The hypervisor did not say in time whether it took the snapshot.');
    await clock.sleep(lookEveryMs, { signal });
  }
}

/**
 * With what a preparation left whose undoing found the backend away; not while it is unknown
 * whether a guest writes to it.
 */
async function removeFrom(
  backend: VolumeBackend,
  key: SnapshotKey,
  { inUse, assisted }: { inUse: boolean; assisted: SnapshotRow['assisted'] },
): Promise<Outcome<void>> {
  const removed = await backend.deleteSnapshot(key, { inUse });
  return isFault(removed) || assisted === 'asked' || assisted === 'done'
    ? removed
    : await backend.abandonOnlineSnapshot(key);
}

/**
 * Begins to remove a snapshot that was taken for one copy alone, however that went. Twice is once.
 */
export async function dropTemporary(
  parts: CinderParts,
  input: SnapshotInput,
  requestId: string,
): Promise<void> {
  const {
    clock,
    database: { db },
  } = parts;
  await transaction(db, async (trx) => {
    if (
      !(await changeSnapshotIn(
        trx,
        input.snapshotId,
        ['creating', 'available', 'error'],
        { status: 'deleting' },
        clock.now(),
      ))
    )
      return; // an earlier try did
    await parts.sagas.enqueue(trx, {
      id: parts.ids.uuid(),
      name: deleteSnapshotName,
      lockKey: volumeLock(input.volumeId),
      input,
      requestId,
    });
  });
  await parts.wake(requestId);
}

/** Undoes the preparation as far as it is known what the guest writes to. */
async function unprepare(
  parts: CinderParts,
  { snapshotId, volumeId }: SnapshotInput,
  context: SagaContext,
): Promise<void> {
  const backend = await backendOf(parts, volumeId);
  if (isFault(backend)) return;
  const key = { id: snapshotId, volumeId };
  const word = (await findSnapshot(parts.database.db, snapshotId, null))?.assisted ?? null;
  if (word === 'asked') {
    // The guest may write to the new file or to the old one: neither may go. The audit shows it;
    // detaching and deleting the volume still work.
    parts.log.error(
      { snapshot: snapshotId, volume: volumeId },
      'it is not known whether a guest took the snapshot: its file stays',
    );
    return;
  }
  if (word !== 'done')
    return await undoOnBackend(
      parts,
      `snapshot ${snapshotId}`,
      context,
      async () => await backend.abandonOnlineSnapshot(key),
    );
  // The guest writes to the new file: until the backend knows, the volume is not whole.
  const known = await backend.finishOnlineSnapshot(key);
  const undone = isFault(known)
    ? known
    : await backend.deleteSnapshot(key, { inUse: await isInUse(parts, volumeId) });
  if (isFault(undone) && undone.kind !== 'notFound')
    throw new Error(`snapshot ${snapshotId} is not undone: ${undone.message}`);
}

export function createSnapshot(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  return saga<SnapshotInput, SnapshotState>({
    name: createSnapshotName,
    steps: [
      // Nobody attaches while this saga holds the volume's lock: what is seen here stays true, but
      // for a guest that lets go.
      {
        name: 'look',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        run: async ({ volumeId }) => ({ online: await isInUse(parts, volumeId) }),
      },
      {
        name: 'take',
        deadlineMs: quickDeadlineMs,
        retries: backendRetries,
        async run({ snapshotId, volumeId }, { online }) {
          const backend = await backendOf(parts, volumeId);
          if (isFault(backend)) return backend;
          const key = { id: snapshotId, volumeId };
          return online
            ? await backend.prepareOnlineSnapshot(key)
            : await backend.createSnapshot(key);
        },
        async undo(input, { online }, context) {
          // Once it is available it is its owner's: nothing of it may be undone.
          if ((await findSnapshot(db, input.snapshotId, null))?.status !== 'creating') return;
          if (online) return await unprepare(parts, input, context);
          const backend = await backendOf(parts, input.volumeId);
          if (!isFault(backend))
            await undoOnBackend(
              parts,
              `snapshot ${input.snapshotId}`,
              context,
              async () =>
                await removeFrom(
                  backend,
                  { id: input.snapshotId, volumeId: input.volumeId },
                  { inUse: false, assisted: null },
                ),
            );
        },
      },
      {
        name: 'switch guest',
        deadlineMs: config.assistedSnapshotTimeoutMs + quickDeadlineMs,
        retries: 3,
        run: async (input, { online, newFile }, context) =>
          online && newFile !== undefined
            ? await switchGuest(parts, input, newFile, context)
            : undefined,
      },
      {
        name: 'finish',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ snapshotId, volumeId }, { online }, { requestId }) {
          const backend = await backendOf(parts, volumeId);
          if (isFault(backend)) return backend;
          const done = online
            ? await backend.finishOnlineSnapshot({ id: snapshotId, volumeId })
            : undefined;
          if (isFault(done)) return done;
          await changeSnapshotIn(
            db,
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
      },
    ],
    async failed({ snapshotId, projectId }, _state, reason, context) {
      await changeSnapshotIn(db, snapshotId, ['creating'], { status: 'error' }, clock.now());
      await tellOwner(
        parts,
        'createSnapshot',
        { type: 'VOLUME_SNAPSHOT', id: snapshotId, projectId },
        reason,
        context,
      );
    },
  });
}

export function deleteSnapshot(parts: CinderParts): AnySaga {
  const {
    database: { db },
    clock,
    config,
    log,
  } = parts;
  return saga<SnapshotInput, Record<string, never>>({
    name: deleteSnapshotName,
    steps: [
      {
        name: 'remove',
        deadlineMs: config.copyTimeoutMs, // its bytes may have to move into what is left
        retries: backendRetries,
        async run({ snapshotId, volumeId }) {
          const volume = await volumeOf(parts, volumeId);
          if (isFault(volume)) return undefined; // the volume went, with all of its snapshots
          const backend = backendFor(parts, volume);
          const assisted = (await findSnapshot(db, snapshotId, null))?.assisted ?? null;
          return isFault(backend)
            ? backend
            : await removeFrom(
                backend,
                { id: snapshotId, volumeId },
                { inUse: await isInUse(parts, volumeId), assisted },
              );
        },
      },
      {
        name: 'forget',
        deadlineMs: quickDeadlineMs,
        retries: 3,
        async run({ snapshotId, volumeId }, _state, { requestId }) {
          await deleteSnapshotRow(db, snapshotId);
          log.info({ snapshot: snapshotId, volume: volumeId, req: requestId }, 'snapshot deleted');
        },
      },
    ],
    async failed({ snapshotId, projectId }, _state, reason, context) {
      await changeSnapshotIn(
        db,
        snapshotId,
        ['deleting'],
        { status: 'error_deleting' },
        clock.now(),
      );
      await tellOwner(
        parts,
        'deleteSnapshot',
        { type: 'VOLUME_SNAPSHOT', id: snapshotId, projectId },
        reason,
        context,
      );
    },
  });
}
