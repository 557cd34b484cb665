// Records the volumes, snapshots and images that a request creates at other services before its own
// rows exist. If the request fails, or its process dies, they are found by this record and removed.
// Used by POST /servers, createImage and shelve. ADR 16.
import { isFault } from '#contracts/common/fault.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { withDeadline } from '#platform/clock.ts';
import type { NovaDeps } from '../../deps.ts';
import { pendingKey } from '../../domain/pending-key.ts';
import { conductorClient } from '../../rpc-clients.ts';
import {
  abandonPending,
  commitAll,
  commitFirst,
  insertPending,
  renewHeartbeat,
} from '../../store/pending-resources.ts';
import type { NovaDb } from '../../store/servers.ts';

export interface PendingResources {
  /**
   * Metadata to be set on every volume and snapshot of part `part`, by which cleanup finds them.
   */
  key(part: number): Record<string, string>;
  /**
   * Marks the first `count` parts (default: all) as owned, in the caller's transaction, and
   * abandons the others. Returns false if removal has already started.
   */
  commit(trx: NovaDb, count?: number): Promise<boolean>;
  /**
   * To be called at the end of every request. If nothing was committed, removes everything that was
   * created, and waits up to `removalTimeoutMs` for that.
   */
  end(): Promise<void>;
}

/** A request whose heartbeat is older than this is considered abandoned. */
const heartbeatTimeoutMs = 5_000;
const heartbeatEveryMs = 1_000;
const removalTimeoutMs = 5_000;
/** Pause between tries: Cinder refuses to delete a volume that it is still creating. */
const removalRetryMs = 200;

/**
 * Records that the request is about to create volumes, snapshots or an image at other services, so
 * that they are found and removed if it does not end, and begins its heartbeat. `parts`: into how
 * many parts they are divided (POST /servers: one for each server); the request may commit the
 * first few alone. `imageId`: the id chosen beforehand for its image; null: it creates none.
 */
export async function createPendingResources(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  { parts = 1, imageId = null }: { parts?: number; imageId?: string | null },
): Promise<PendingResources> {
  const { db } = deps.database;
  const { clock, ids, log } = deps;
  const id = ids.uuid();
  const insert = async (abandoned: 0 | 1): Promise<void> =>
    await insertPending(db, {
      id,
      request_id: request.id,
      parts,
      committed_parts: 0,
      image_id: imageId,
      abandoned,
      heartbeat_until_ms: clock.now() + heartbeatTimeoutMs,
    });
  await insert(0);
  const heartbeat = clock.every(
    heartbeatEveryMs,
    async () => await renewHeartbeat(db, id, clock.now() + heartbeatTimeoutMs),
    {
      onError: (error) => log.warn({ pending: id, err: error }, 'heartbeat of a request failed'),
    },
  );

  /**
   * Asks a conductor to remove everything, again and again until it succeeds or `removalTimeoutMs`
   * is over; then the conductor's periodic task takes over.
   */
  async function remove(): Promise<void> {
    const conductor = conductorClient(deps);
    const options = { timeoutMs: removalTimeoutMs, requestId: request.id };
    const endsMs = clock.now() + removalTimeoutMs;
    while (
      isFault(await conductor.call('removeAbandoned', { id }, options)) &&
      clock.now() < endsMs
    )
      await clock.sleep(removalRetryMs);
  }

  let committed = 0;
  return {
    key: (part) => pendingKey(id, part),
    async commit(trx, count = parts) {
      const owned = count === parts ? await commitAll(trx, id) : await commitFirst(trx, id, count);
      if (owned) committed = count;
      return owned;
    },
    async end() {
      await heartbeat.stop();
      if (committed > 0) return; // the task removes the abandoned parts
      // If the heartbeat had stopped for too long, cleanup has already removed the row and what
      // existed then. The row is inserted again, as abandoned, for what was created after that.
      if (!(await abandonPending(db, id))) await insert(1);
      // A single removal may take longer than the request can wait.
      await withDeadline(remove(), removalTimeoutMs, () => undefined, clock);
    },
  };
}
