// Deletes Events an hour after they were last written, as upstream does through etcd's TTL
// (--event-ttl).
import type { Stored } from '../../store/object-store.ts';
import type { KubeDeps } from '../deps.ts';
import type { Controller } from './controller.ts';

const ttlMs = 3_600_000;

export function expireEvents({ store, clock }: KubeDeps): Controller {
  /**
   * When this version of each event was first seen; after a restart the time that the event states.
   */
  const since = new WeakMap<Stored, number>();
  return {
    name: 'expire-events',
    // Woken by no change: the periodic run is often enough.
    concerns: () => false,
    async reconcile() {
      const now = clock.now();
      for (const stored of store.list('events')) {
        const sinceMs = since.get(stored) ?? writtenAt(stored, now);
        since.set(stored, sinceMs);
        if (now - sinceMs < ttlMs) continue;
        const { namespace, name, revision } = stored;
        await store.remove({ kind: 'events', namespace, name }, revision);
      }
    },
  };
}

/**
 * The time that the event states, but at most the current time: an event dated in the future would
 * otherwise never expire.
 */
function writtenAt({ object }: Stored, now: number): number {
  const timestamp = object['lastTimestamp'] ?? object.metadata.creationTimestamp;
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(at) ? now : Math.min(at, now);
}
