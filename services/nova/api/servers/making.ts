// What a request makes at other services in its caller's name before it has a row of its own to
// show for it: a saga stands by, so that nothing of it is left when the request fails or its
// process dies. For POST /servers and createImage.
import { conductorTopic } from '#contracts/nova/conductor-rpc.ts';
import type { ApiRequest } from '#openstack/http/route.ts';
import { transaction } from '#platform/db/transaction.ts';
import { hasSaga, insertSaga } from '#platform/saga/journal.ts';
import type { GuardInput } from '../../conductor/guard-making.ts';
import { guardMakingName, makingKey, makingLock } from '../../conductor/guard-making.ts';
import type { NovaDeps } from '../../deps.ts';
import { giveUpMaking, insertMaking, keepMaking, renewMaking } from '../../store/makings.ts';
import type { NovaDb } from '../../store/servers.ts';

export interface Making {
  /** Metadata for every volume and snapshot made, by part. */
  key(part: number): Record<string, string>;
  /**
   * In the transaction that makes what was made somebody's: all, or the first parts. False: too
   * late, it is being removed.
   */
  keep(trx: NovaDb, parts?: number): Promise<boolean>;
  /**
   * Always, at the end. What was not kept is removed; where nothing was, waits a moment for that.
   */
  end(): Promise<void>;
}

/** A request not heard of for so long is dead. */
const silenceMs = 5_000;
const beatMs = 1_000;
const clearedWithinMs = 5_000;
const lookEveryMs = 20;

export async function beginMaking(
  deps: NovaDeps,
  request: ApiRequest<unknown>,
  { parts = 1, imageId = null }: { parts?: number; imageId?: string | null },
): Promise<Making> {
  const {
    database: { db },
    clock,
    ids,
  } = deps;
  const id = ids.uuid();
  const guard = async (sagaId: string, givenUp: 0 | 1): Promise<void> =>
    await transaction(db, async (trx) => {
      await insertMaking(trx, {
        id,
        given_up: givenUp,
        kept: 0,
        alive_until_ms: clock.now() + silenceMs,
      });
      const input: GuardInput = { makingId: id, parts, imageId };
      await insertSaga(
        trx,
        {
          id: sagaId,
          name: guardMakingName,
          lockKey: makingLock(id),
          input,
          requestId: request.id,
        },
        clock.now(),
      );
    });
  const sagaId = ids.uuid();
  let isKept = false;
  await guard(sagaId, 0);
  const heartbeat = clock.every(
    beatMs,
    async () => await renewMaking(db, id, clock.now() + silenceMs),
    {
      onError: (error) =>
        deps.log.warn({ making: id, err: error }, 'a request could not say that it lives'),
    },
  );
  return {
    key: (part) => makingKey(id, part),
    async keep(trx, kept = parts) {
      if (!(await keepMaking(trx, id, kept === parts ? null : kept))) return false;
      if (kept < parts) return (isKept = true);
      // Mostly nobody has taken the saga up by now; one that is under way finds the row gone.
      await trx.deleteFrom('sagas').where('id', '=', sagaId).where('owner', 'is', null).execute();
      return (isKept = true);
    },
    async end() {
      await heartbeat.stop();
      if (!(await giveUpMaking(db, id))) {
        if (isKept) return;
        await guard(ids.uuid(), 1); // it was held for dead and tidied up after, but went on making
      }
      await deps.bus.cast(conductorTopic, 'wakeSagas', {}, { requestId: request.id });
      if (isKept) return; // of what is partly kept the rest may go behind
      const endsMs = clock.now() + clearedWithinMs;
      while (clock.now() < endsMs && (await hasSaga(db, makingLock(id))))
        await clock.sleep(lookEveryMs);
    },
  };
}
