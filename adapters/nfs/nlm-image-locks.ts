// The driver of ports/image-locks.ts by NFSv3's lock manager (NLM): the locks of one host on its
// filers, noted in the host's own folder. Created by compose.
import { posix } from 'node:path';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import { KeyedQueue } from '#platform/keyed-queue.ts';
import type { Log } from '#platform/log.ts';
import type { ImageLock, ImageLocks } from '#ports/image-locks.ts';
import { FilerConnection } from './filer-connection.ts';
import { lockKey, openLockJournal } from './lock-journal.ts';
import type { LockNote } from './lock-journal.ts';
import { Nfs3, NfsError, nfsStatus } from './nfs3.ts';
import type { LockManager, LockOwner } from './nlm4.ts';
import { lockStatus } from './nlm4.ts';
import { RpcRefused, RpcTimeout, RpcUnavailable } from './onc-rpc.ts';

export interface NlmImageLocksOptions {
  /** Part of the lock's owner: the same guest on two hosts is two owners. */
  host: string;
  /** The host's own folder for its notes; survives power failures. */
  folder: string;
  /** Deadline for one call to a filer. */
  timeoutMs?: number;
  /**
   * How long a refused lock is retried, ms: the holder may be about to release a lock that it could
   * not release while the filer did not answer.
   */
  patienceMs?: number;
  /** Interval at which an idle filer is probed, since a dead one does not close connections. */
  probeEveryMs?: number;
}

export interface NlmImageLocksDeps {
  log: Log;
  clock: Clock;
  random?: () => number;
}

/**
 * What this process knows of a noted lock. `unknown`: noted by an earlier process, and neither held
 * nor released by this one so far. `lost`: the filer has forgotten the lock, and it is to be taken
 * again. `unwanted`: to be released.
 */
type State = 'unknown' | 'held' | 'lost' | 'unwanted';
interface TrackedLock extends LockNote {
  state: State;
  /** Another owner holds the lock; this is logged once. */
  isTaken: boolean;
}

const firstBackoffMs = 100;
const maxBackoffMs = 1_000;
const askAgainMs = 200;

export function createNlmImageLocks(
  {
    host,
    folder,
    timeoutMs = 3_000,
    patienceMs = 3_000,
    probeEveryMs = 10_000,
  }: NlmImageLocksOptions,
  { log, clock, random = Math.random }: NlmImageLocksDeps,
): ImageLocks {
  const journal = openLockJournal(folder);
  const connections = new Map<string, FilerConnection>();
  const turns = new KeyedQueue();
  let notesOnDisk: Promise<Map<string, TrackedLock>> | undefined;

  const notes = async (): Promise<Map<string, TrackedLock>> =>
    await (notesOnDisk ??= journal.read().then(
      (stored) =>
        new Map(
          stored.map((note) => [
            lockKey(note.lock),
            { ...note, state: 'unknown' as const, isTaken: false },
          ]),
        ),
      (error: unknown) => {
        notesOnDisk = undefined;
        throw error;
      },
    ));
  const ownerOf = ({ guest }: ImageLock): LockOwner => ({
    caller: host,
    owner: `${guest}@${host}`,
  });

  function connectionTo(server: string): FilerConnection {
    const connection =
      connections.get(server) ??
      new FilerConnection(
        { server, timeoutMs, probeEveryMs, firstBackoffMs, maxBackoffMs },
        { clock, random },
        {
          lost: () =>
            void markLost(server).catch((error: unknown) =>
              log.error({ host, filer: server, err: error }, 'the loss of a filer was not noted'),
            ),
          back: async () => await back(server),
          failed: (error) =>
            log.error({ host, filer: server, err: error }, 'the connection to a filer failed'),
        },
      );
    connections.set(server, connection);
    return connection;
  }

  /** Serialises operations on one lock, in order of arrival. */
  async function inTurn<T>(lock: ImageLock, work: () => Promise<T>): Promise<T> {
    return await turns.run(lockKey(lock), work);
  }

  async function ask<T>(
    server: string,
    work: (manager: LockManager) => Promise<T>,
  ): Promise<Outcome<T>> {
    return await withFaults(
      `the lock manager of ${server}`,
      async () => await work(await connectionTo(server).manager()),
    );
  }

  const handleOf = async (lock: ImageLock) =>
    await withFaults(`${lock.server}:${lock.path}`, async () => {
      const share = await Nfs3.mount(lock.server, posix.dirname(lock.path), timeoutMs);
      try {
        return await share.lookUp(share.root, posix.basename(lock.path));
      } finally {
        share.close();
      }
    });

  async function begin(lock: ImageLock): Promise<Outcome<TrackedLock>> {
    const handle = await handleOf(lock);
    if (isFault(handle)) return handle;
    const note: TrackedLock = { lock, handle, state: 'unknown', isTaken: false };
    await journal.write(note);
    (await notes()).set(lockKey(lock), note);
    return note;
  }

  async function forget({ lock }: TrackedLock): Promise<void> {
    await journal.remove(lock);
    (await notes()).delete(lockKey(lock));
  }

  /**
   * Requests the lock. `reclaim`: it may have been held before the filer died. Faults: conflict,
   * notFound (the name belongs to another file now), unavailable, timeout.
   */
  async function take(
    note: TrackedLock,
    { reclaim, untilMs }: { reclaim: boolean; untilMs: number },
  ): Promise<Outcome<void>> {
    const { lock, handle } = note;
    for (;;) {
      const status = await ask(lock.server, async (manager) => {
        const first = await manager.lock(ownerOf(lock), handle, { reclaim: false });
        return first === lockStatus.gracePeriod && reclaim
          ? await manager.lock(ownerOf(lock), handle, { reclaim })
          : first;
      });
      if (isFault(status)) return status;
      if (status === lockStatus.granted) {
        note.state = 'held';
        note.isTaken = false;
        return undefined;
      }
      if (status === lockStatus.stale)
        return fault(
          'notFound',
          `the image ${lock.path} of volume ${lock.volumeId} is not on ${lock.server} any more`,
        );
      if (status !== lockStatus.denied && status !== lockStatus.gracePeriod)
        return fault('unavailable', `${lock.server} does not lock ${lock.path}: status ${status}`);
      if (clock.now() >= untilMs)
        return status === lockStatus.denied
          ? await refusal(note)
          : fault(
              'unavailable',
              `${lock.server} came back a moment ago and gives no new locks yet`,
            );
      await clock.sleep(askAgainMs * (0.5 + random()), { unref: true });
    }
  }

  async function refusal({ lock, handle }: TrackedLock): Promise<ReturnType<typeof fault>> {
    const holder = await ask(
      lock.server,
      async (manager) => await manager.holder(ownerOf(lock), handle),
    );
    // The owner has the form `guest@host`, as ownerOf writes it.
    const at = isFault(holder) || holder === null ? -1 : holder.lastIndexOf('@');
    if (isFault(holder) || holder === null || at < 1 || at === holder.length - 1)
      return fault(
        'conflict',
        `volume ${lock.volumeId} is locked on the filer by a program that it does not name`,
      );
    const [guest, host] = [holder.slice(0, at), holder.slice(at + 1)];
    return fault(
      'conflict',
      `volume ${lock.volumeId} is locked on the filer by guest ${guest} on host ${host}`,
      { guest, host },
    );
  }

  async function unlock(note: TrackedLock): Promise<Outcome<void>> {
    note.state = 'unwanted';
    const status = await ask(
      note.lock.server,
      async (manager) => await manager.unlock(ownerOf(note.lock), note.handle),
    );
    if (isFault(status)) return status;
    if (status !== lockStatus.granted && status !== lockStatus.stale)
      return fault(
        'unavailable',
        `${note.lock.server} does not release ${note.lock.path}: status ${status}`,
      );
    return await forget(note);
  }

  async function markLost(server: string): Promise<void> {
    const mine = [...(await notes()).values()].filter(({ lock }) => lock.server === server);
    for (const note of mine) if (note.state === 'held') note.state = 'lost';
    if (mine.some(({ state }) => state === 'lost' || state === 'unwanted'))
      connectionTo(server).restore();
  }

  async function back(server: string): Promise<boolean> {
    const open = async (): Promise<TrackedLock[]> =>
      [...(await notes()).values()].filter(
        ({ lock, state }) => lock.server === server && (state === 'lost' || state === 'unwanted'),
      );
    const all = await open();
    for (const note of all)
      await inTurn(note.lock, async () => await restore(note)).catch((error: unknown) =>
        log.error(
          { host, volume: note.lock.volumeId, error: String(error) },
          'an image lock cannot be noted',
        ),
      );
    const remaining = await open();
    if (remaining.length < all.length)
      log.warn(
        { host, filer: server, locks: all.length - remaining.length },
        'image locks taken again or released late',
      );
    return remaining.length === 0;
  }

  async function restore(note: TrackedLock): Promise<void> {
    if (note.state === 'unwanted') {
      await unlock(note);
      return;
    }
    if (note.state !== 'lost') return;
    const facts = {
      host,
      server: note.lock.guest,
      volume: note.lock.volumeId,
      filer: note.lock.server,
    };
    const lockResult = await take(note, { reclaim: true, untilMs: 0 });
    if (!isFault(lockResult)) return;
    if (lockResult.kind === 'notFound') {
      log.error({ ...facts, why: lockResult.message }, 'the locked image is gone');
      return await forget(note);
    }
    if (lockResult.kind !== 'conflict' || note.isTaken) return;
    note.isTaken = true;
    log.error(
      { ...facts, why: lockResult.message, holder: lockResult.detail['guest'] ?? null },
      'another holds the image of a volume that this guest has',
    );
  }

  async function hold(lock: ImageLock): Promise<Outcome<void>> {
    const existingNote = (await notes()).get(lockKey(lock));
    let note = existingNote ?? (await begin(lock));
    if (isFault(note)) return note;
    const patience = { reclaim: existingNote !== undefined, untilMs: clock.now() + patienceMs };
    let lockResult = await take(note, patience);
    if (isFault(lockResult) && lockResult.kind === 'notFound') {
      const newNote = await begin(lock);
      if (isFault(newNote)) return newNote;
      note = newNote;
      lockResult = await take(note, patience);
    }
    if (!isFault(lockResult)) return undefined;
    const isUncertain = lockResult.kind === 'unavailable' || lockResult.kind === 'timeout';
    if (existingNote !== undefined) note.state = 'lost'; // the guest may be writing: the lock is requested until it is held
    else if (isUncertain) note.state = 'unwanted';
    else await forget(note);
    if (isUncertain) connectionTo(lock.server).restore();
    return lockResult;
  }

  async function release(lock: ImageLock): Promise<Outcome<void>> {
    const note = (await notes()).get(lockKey(lock)) ?? (await begin(lock));
    if (isFault(note)) return note.kind === 'notFound' ? undefined : note;
    const releaseResult = await unlock(note);
    if (isFault(releaseResult)) connectionTo(lock.server).restore();
    return releaseResult;
  }

  async function breakOf(lock: ImageLock, otherHost: string): Promise<Outcome<void>> {
    const handle = await handleOf(lock);
    if (isFault(handle)) return handle.kind === 'notFound' ? undefined : handle;
    const owner = { caller: otherHost, owner: `${lock.guest}@${otherHost}` };
    const status = await ask(lock.server, async (manager) => await manager.unlock(owner, handle));
    if (isFault(status)) return status;
    if (status !== lockStatus.granted && status !== lockStatus.stale)
      return fault(
        'unavailable',
        `${lock.server} does not end the lock of ${otherHost} on ${lock.path}: status ${status}`,
      );
    log.warn(
      { host, otherHost, server: lock.guest, volume: lock.volumeId },
      'the image lock of a host that is down is ended',
    );
  }

  return {
    breakOf: async (lock, otherHost) =>
      await inTurn(lock, async () => await breakOf(lock, otherHost)),
    hold: async (lock) =>
      await inTurn(
        lock,
        async () => await withFaults('the journal of image locks', async () => await hold(lock)),
      ),
    release: async (lock) =>
      await inTurn(
        lock,
        async () => await withFaults('the journal of image locks', async () => await release(lock)),
      ),
    noted: async () => [...(await notes()).values()].map(({ lock }) => lock),
    close: async () => {
      for (const connection of connections.values()) connection.close();
      await turns.settled();
    },
  };
}

/** Runs `work` and turns failures of filer and disk into faults. */
async function withFaults<T>(who: string, work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RpcTimeout)
      return fault('timeout', `${who} does not answer: ${error.message}`);
    if (error instanceof RpcUnavailable || error instanceof RpcRefused)
      return fault('unavailable', `${who} does not answer: ${error.message}`);
    if (error instanceof NfsError)
      return fault(
        error.status === nfsStatus.noEntry ? 'notFound' : 'unavailable',
        `${who}: ${error.message}`,
      );
    if (error instanceof Error && 'syscall' in error)
      return fault('unavailable', `${who}: ${error.message}`);
    throw error;
  }
}
