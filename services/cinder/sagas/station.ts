// What every saga of Cinder needs: the backend of a volume, the spool, and how a failure is told to
// its owner.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VolumeStatus } from '#contracts/cinder/volume-states.ts';
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { SagaContext } from '#platform/saga/saga.ts';
import type { SnapshotKey, VolumeBackend } from '#ports/volume-backend.ts';
import type { MessageAction } from '../domain/messages.ts';
import { detailOf, messageActions, textOf } from '../domain/messages.ts';
import { backendOf } from '../domain/pick-pool.ts';
import type { CinderParts } from '../parts.ts';
import { attachmentsOf, isConnected } from '../store/attachments.ts';
import { insertMessage } from '../store/messages.ts';
import { findSnapshot } from '../store/snapshots.ts';
import type { MessageRow, SnapshotRow, VolumeRow } from '../store/tables.ts';
import { findVolume } from '../store/volumes.ts';

/** Blank volumes, snapshots and the like: what moves no bytes. */
export const quickDeadlineMs = 120_000;
/** Steps on a backend are tried again for 3 s: a filer that restarts is not noticed. */
export const backendRetries = 5;

/** notFound: a forced deletion came before. */
export async function volumeOf(
  { database: { db } }: CinderParts,
  id: string,
): Promise<Outcome<VolumeRow>> {
  return (await findVolume(db, id, null)) ?? fault('notFound', `Volume ${id} could not be found.`);
}

export async function snapshotOf(
  { database: { db } }: CinderParts,
  id: string,
): Promise<Outcome<SnapshotRow>> {
  return (
    (await findSnapshot(db, id, null)) ?? fault('notFound', `Snapshot ${id} could not be found.`)
  );
}

/** conflict: it was never placed, or its backend is not configured any more. */
export function backendFor({ backends }: CinderParts, volume: VolumeRow): Outcome<VolumeBackend> {
  const name = volume.host === null ? undefined : backendOf(volume.host);
  const backend = name === undefined ? undefined : backends.get(name);
  return (
    backend ??
    fault(
      'conflict',
      `No backend has the volume ${volume.id}${name === undefined ? '' : `: there is none called ${name}`}.`,
    )
  );
}

export const keyOf = (snapshot: SnapshotRow): SnapshotKey => ({
  id: snapshot.id,
  volumeId: snapshot.volume_id,
});

/** Whether a guest may be writing the volume. */
export async function isInUse(
  { database: { db } }: CinderParts,
  volumeId: string,
): Promise<boolean> {
  return (await attachmentsOf(db, volumeId)).some(isConnected);
}

const undoPausesMs = [250, 1_000, 4_000] as const;

/**
 * Undoes on a backend. One that is away is tried for some seconds and then left: the owner sees the
 * end now, and deleting the object, which is in error, removes what is left of it. Another fault is
 * thrown, and the undo is tried again until it works.
 */
export async function undoOnBackend(
  { clock, log }: CinderParts,
  what: string,
  { requestId, signal }: Pick<SagaContext, 'requestId' | 'signal'>,
  work: () => Promise<Outcome<unknown>>,
): Promise<void> {
  for (const pauseMs of [...undoPausesMs, null]) {
    const undone = await work();
    if (!isFault(undone) || undone.kind === 'notFound') return;
    if (undone.kind !== 'unavailable' && undone.kind !== 'timeout')
      throw new Error(`${what} is not undone: ${undone.message}`);
    if (pauseMs === null)
      log.warn(
        { what, req: requestId, why: undone.message },
        'what a failed operation made is left until its object is deleted',
      );
    else await clock.sleep(pauseMs, { signal });
  }
}

const wantedLookMs = 2_000;

/**
 * Does `work` with a signal that aborts when `signal` does, and when the volume leaves `states`: it
 * was deleted by force.
 */
export async function whileWanted<T>(
  { database: { db }, clock }: CinderParts,
  volumeId: string,
  states: readonly VolumeStatus[],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [unwanted, ended] = [new AbortController(), new AbortController()];
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await clock.sleep(wantedLookMs, { signal: ended.signal, unref: true });
      const volume = await findVolume(db, volumeId, null);
      if (!volume || !states.includes(volume.status))
        unwanted.abort(new Error(`volume ${volumeId} is not wanted any more`));
    }
  };
  watch().catch(() => undefined); // ended, or the database is away: the saga's own signal remains
  try {
    return await work(AbortSignal.any([signal, unwanted.signal]));
  } finally {
    ended.abort();
  }
}

/**
 * A file of our own for the time of `work`; removed whatever happens. A step that runs again finds
 * no leftover.
 */
export async function withSpoolFile<T>(
  { spoolDir }: CinderParts,
  name: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(spoolDir, name);
  await rm(path, { force: true });
  try {
    return await work(path);
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * Leaves a message for the object's owner; the saga's id makes it one, however often it settles.
 */
export async function tellOwner(
  parts: CinderParts,
  action: MessageAction,
  subject: { type: MessageRow['resource_type']; id: string; projectId: string },
  reason: Fault,
  saga: { sagaId: string; requestId: string },
): Promise<void> {
  const now = parts.clock.now();
  const detail = detailOf(action, reason);
  parts.log.error(
    { action, subject: subject.id, req: saga.requestId, why: reason.message },
    'an operation on a volume failed',
  );
  await insertMessage(parts.database.db, {
    id: saga.sagaId,
    project_id: subject.projectId,
    request_id: saga.requestId,
    resource_type: subject.type,
    resource_id: subject.id,
    action_id: messageActions[action].id,
    detail_id: detail.id,
    user_message: textOf(action, detail, reason),
    created_at_ms: now,
    expires_at_ms: now + parts.config.keepMessagesMs,
  });
}
