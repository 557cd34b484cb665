// A bus for long operations: a call that nobody takes is sent again for a while, since an agent
// that is restarted and a broker that comes back are away for seconds. For idempotent calls alone;
// used by Nova's sagas (conductor/role.ts).
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '../clock.ts';
import type { Bus } from './bus.ts';
import { isNotDelivered } from './bus.ts';

const againAfterMs = 500;

/**
 * `patienceMs`: how long after it was not taken a call may be sent again, within its deadline.
 */
export function patientBus(
  bus: Bus,
  { clock, patienceMs }: { clock: Pick<Clock, 'now' | 'sleep'>; patienceMs: number },
): Bus {
  return {
    serve: (...args) => bus.serve(...args),
    cast: async (...args) => await bus.cast(...args),
    fanout: async (...args) => await bus.fanout(...args),
    close: async () => await bus.close(),
    async call(topic, method, params, options) {
      const endsMs = clock.now() + options.timeoutMs;
      let givenUpMs = endsMs;
      for (;;) {
        const sentMs = clock.now();
        const answer = await bus.call(topic, method, params, {
          ...options,
          timeoutMs: endsMs - sentMs,
        });
        if (!isFault(answer) || !isNotDelivered(answer)) return answer;
        const nowMs = clock.now();
        // One that was taken meanwhile has its own patience, however long it was in work.
        const isFirst = givenUpMs === endsMs || nowMs - sentMs > againAfterMs;
        if (isFirst) givenUpMs = Math.min(nowMs + patienceMs, endsMs - 1);
        if (nowMs + againAfterMs > givenUpMs) return answer;
        await clock.sleep(againAfterMs);
      }
    },
  };
}
