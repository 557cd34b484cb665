// For agents, which carry out the effects of sagas without a database: refuses messages from a saga
// runner whose claim another process has taken over.
import { fault } from '#contracts/common/fault.ts';
import type { RpcHandlers } from './bus.ts';

/** How many fence keys are remembered; the least recently used is forgotten first. */
const maxKeys = 10_000;

/**
 * Wraps RPC handlers: a message gets `conflict` if one with the same fence key and a greater token
 * arrived before. The tokens are kept in memory, so an agent that has just started refuses nothing.
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
