// For processes without a database (agents) that execute the effects of sagas: refuses messages of
// work that another process has taken over.
import { fault } from '#contracts/common/fault.ts';
import type { RpcHandlers } from './bus.ts';

/** Number of remembered keys; the least recently used is forgotten first. */
const maxKeys = 10_000;

/**
 * Wraps handlers: a message is answered with a conflict if another one with the same fence key and
 * a greater token has arrived before. Kept in memory, so an agent that has just started knows no
 * tokens.
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
