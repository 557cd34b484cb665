// For those who carry out the effects of sagas and have no database of their own (agents): a
// message of work that has been taken over by another process is refused.
import { fault } from '#contracts/common/fault.ts';
import type { RpcHandlers } from './bus.ts';

/** Keys remembered; the least recently used is forgotten first. */
const maxKeys = 10_000;

/**
 * The handlers, but of two messages with one fence key the one with the lesser token is answered
 * with a conflict once the other has come. Kept in memory: an agent that starts anew knows none.
 */
export function fencedHandlers(handlers: RpcHandlers): RpcHandlers {
  const newest = new Map<string, number>();
  return Object.fromEntries(
    Object.entries(handlers).map(([method, handler]) => [
      method,
      async (params, context) => {
        const { fence } = context;
        if (!fence) return await handler(params, context);
        const token = newest.get(fence.key) ?? fence.token;
        if (fence.token < token)
          return fault('conflict', `Another process has taken over the work on ${fence.key}.`);
        newest.delete(fence.key);
        newest.set(fence.key, fence.token);
        if (newest.size > maxKeys) {
          const [oldest] = newest.keys();
          if (oldest !== undefined) newest.delete(oldest);
        }
        return await handler(params, context);
      },
    ]),
  );
}
