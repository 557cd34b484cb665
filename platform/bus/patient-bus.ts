// A bus for long operations: repeats a call that no consumer took, because a restarting agent or
// broker is back within seconds. For idempotent calls only. Used by the sagas of Nova and Cinder
// (in their roles' role.ts).
import { isFault } from '#contracts/common/fault.ts';
import type { Clock } from '../clock.ts';
import type { Bus } from './bus.ts';
import { isNotDelivered } from './bus.ts';

const againAfterMs = 500;

/**
 * The bus with repeated calls. `patienceMs`: how long a call is repeated after its first failure to
 * be delivered, in ms; never beyond the call's own deadline.
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
        // The call was in progress at a consumer before it failed, however long: start the patience
        // anew.
        const isFirst = givenUpMs === endsMs || nowMs - sentMs > againAfterMs;
        if (isFirst) givenUpMs = Math.min(nowMs + patienceMs, endsMs - 1);
        if (nowMs + againAfterMs > givenUpMs) return answer;
        await clock.sleep(againAfterMs);
      }
    },
  };
}
