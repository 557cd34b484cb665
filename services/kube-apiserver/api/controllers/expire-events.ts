// Events go an hour after they were written last, as from upstream's etcd (--event-ttl).
import type { Stored } from '../../store/object-store.ts';
import type { KubeDeps } from '../deps.ts';
import type { Controller } from './controller.ts';

const ttlMs = 3_600_000;

export function expireEvents({ store, clock }: KubeDeps): Controller {
  /** When each was seen first as it is now; after a start by what it says itself. */
  const since = new WeakMap<Stored, number>();
  return {
    name: 'expire-events',
    // each 30 s is often enough
    concerns: () => false,
    async reconcile() {
      const now = clock.now();
      for (const stored of store.list('events')) {
        const seen = since.get(stored) ?? writtenAt(stored, now);
        since.set(stored, seen);
        if (now - seen < ttlMs) continue;
        const { namespace, name, revision } = stored;
        await store.remove({ kind: 'events', namespace, name }, revision);
      }
    },
  };
}

/** Never later than now: a time to come would keep it for ever. */
function writtenAt({ object }: Stored, now: number): number {
  const said = object['lastTimestamp'] ?? object.metadata.creationTimestamp;
  const at = typeof said === 'string' ? Date.parse(said) : Number.NaN;
  return Number.isNaN(at) ? now : Math.min(at, now);
}
