// A bus for long operations: a call that nobody takes is sent again for a while, since an agent
// that is restarted and a broker that comes back are away for seconds. For idempotent calls alone;
// used by Nova's sagas (conductor/role.ts).
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '../clock.ts';
import type { Bus } from './bus.ts';
import { isNotDelivered } from './bus.ts';

const againAfterMs = 500;

/** `patienceMs`: how long after a call's beginning it may be sent again, within its deadline. */
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
      const startedAtMs = clock.now();
      for (;;) {
        const passedMs = clock.now() - startedAtMs;
        const answer = await bus.call(topic, method, params, {
          ...options,
          timeoutMs: options.timeoutMs - passedMs,
        });
        if (!isFault(answer) || !isNotDelivered(answer)) return answer;
        const nextAtMs = clock.now() - startedAtMs + againAfterMs;
        if (nextAtMs > Math.min(patienceMs, options.timeoutMs)) return answer;
        await clock.sleep(againAfterMs);
      }
    },
  };
}
