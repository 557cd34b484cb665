// Resources that a request creates at other services in its caller's name before it has a row of
// its own to show for them: they are recorded, so that nothing of them is left when the request
// fails or its process dies. For POST /servers and createImage. ADR 16.
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
  /** Metadata for every volume and snapshot that is created for this part. */
  key(part: number): Record<string, string>;
  /**
   * Marks the first `count` parts (default: all) as owned, in the caller's transaction, and
   * abandons the others. Returns false if removal has already started.
   */
  commit(trx: NovaDb, count?: number): Promise<boolean>;
  /**
   * Always called, at the end. Removes what was not committed; where nothing was, waits a moment
   * for that.
   */
  end(): Promise<void>;
}

/** A request whose heartbeat is older than this is considered abandoned. */
const heartbeatTimeoutMs = 5_000;
const heartbeatEveryMs = 1_000;
const removalTimeoutMs = 5_000;
/** Cinder deletes nothing that it is still creating. */
const removalRetryMs = 200;

/**
 * `parts`: how many groups of resources the request may commit apart from each other, the first
 * ones first. `imageId`: of the image it creates, chosen beforehand.
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

  /** Until nothing is left or the time is over; the conductor's task goes on with the rest. */
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
      if (committed > 0) return; // of the abandoned parts the task hears
      // Without a heartbeat for too long, the row was removed with what was created until then.
      if (!(await abandonPending(db, id))) await insert(1);
      // One removal may take longer than the request can wait for it.
      await withDeadline(remove(), removalTimeoutMs, () => undefined, clock);
    },
  };
}
