// The saga that stands behind a request while it makes volumes, snapshots or an image in its
// caller's name: what the request neither keeps nor lives to keep is removed, by the making's key.
// Begun by api/servers/making.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { AnySaga } from '#platform/saga/saga.ts';
import { saga } from '#platform/saga/saga.ts';
import type { NovaDeps } from '../deps.ts';
import { deleteImage } from '../glance.ts';
import { deleteMaking, findMaking, giveUpMaking } from '../store/makings.ts';
import { ownCinder } from './connect-volumes.ts';

export const guardMakingName = 'nova.guard-making';
export type GuardInput = {
  makingId: string;
  /**
   * Of one request there may be many, e.g. the volumes of each of its servers; they are kept from
   * the first on.
   */
  parts: number;
  /** Chosen before the image is made; null: none is. */
  imageId: string | null;
};

export const makingLock = (makingId: string): string => `making:${makingId}`;
/** Metadata of volumes and snapshots: which making and part they came from. */
export const makingKey = (makingId: string, part: number): Record<string, string> => ({
  nova_request: `${makingId}.${part}`,
});

const watchDeadlineMs = 60 * 60_000;
const lookEveryMs = 100;
const unfinished: ReadonlySet<string> = new Set(['creating', 'downloading']);
const removable: ReadonlySet<string> = new Set(['available', 'error']);

export function guardMaking(deps: NovaDeps): AnySaga {
  const {
    database: { db },
    clock,
    log,
  } = deps;
  return saga<GuardInput, Record<string, never>>({
    name: guardMakingName,
    steps: [
      {
        name: 'watch',
        deadlineMs: watchDeadlineMs,
        async run({ makingId }, _state, { signal }) {
          for (;;) {
            const making = await findMaking(db, makingId);
            if (!making) return undefined; // kept
            if (making.given_up === 1 || making.alive_until_ms < clock.now())
              return fault('conflict', 'The request did not come to its end.');
            await clock.sleep(lookEveryMs, { signal });
          }
        },
        async undo({ makingId, parts, imageId }, _state, { requestId }) {
          if (!(await giveUpMaking(db, makingId))) return;
          const { kept = 0 } = (await findMaking(db, makingId)) ?? {};
          const image =
            imageId === null || kept > 0
              ? undefined
              : await deleteImage(deps, imageId, { token: null, requestId });
          if (isFault(image))
            throw new Error(`image ${imageId} is not removed yet: ${image.message}`);
          for (let part = kept; part < parts; part += 1) {
            const cleared = await clear(deps, makingKey(makingId, part), requestId);
            if (isFault(cleared))
              throw new Error(
                `what the request ${requestId} made is not removed yet: ${cleared.message}`,
              );
          }
          await deleteMaking(db, makingId);
        },
      },
    ],
    async failed({ makingId }, _state, _reason, { requestId }) {
      log.info({ making: makingId, req: requestId }, 'what a request made in vain is removed');
    },
  });
}

async function clear(
  deps: NovaDeps,
  key: Readonly<Record<string, string>>,
  requestId: string,
): Promise<Outcome<void>> {
  const cinder = ownCinder(deps, { requestId });
  for (const [kind, remove] of [
    ['snapshots', cinder.deleteSnapshot],
    ['volumes', cinder.deleteVolume],
  ] as const) {
    const made = await cinder.withMetadata(kind, key);
    if (isFault(made)) return made;
    for (const { id, status } of made) {
      // cannot be removed before it is made: tried again
      if (unfinished.has(status)) return fault('conflict', `${id} is ${status}`);
      const gone = removable.has(status) ? await remove(id) : undefined;
      if (isFault(gone) && gone.kind !== 'badRequest') return gone;
      // Somebody took a liking to it, or the storage keeps it: its owner sees it and can do more
      // than we.
      if (gone || !(removable.has(status) || status === 'deleting'))
        deps.log.warn(
          { id, status, req: requestId, why: gone?.message },
          'what a request made in vain is left to its owner',
        );
    }
  }
}
