// Typed access to a topic from both ends: an RpcContract type in contracts/ maps each method to its
// params and result; these functions bind that type to the bus.
import type { Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Bus, CallOptions, CastOptions, RpcContext, RpcHandlers, RpcServer } from './bus.ts';

/**
 * The methods of a topic, e.g. `{BuildServers: {params: {servers: string[]}; result: undefined}}`.
 * Params and results are plain JSON.
 */
export type RpcContract = { [method: string]: { params: object; result: unknown } };

export type HandlersOf<C extends RpcContract> = {
  readonly [M in keyof C]: (
    params: C[M]['params'],
    context: RpcContext,
  ) => Promise<Outcome<C[M]['result']>>;
};

/** Sends messages of one contract. What each method guarantees: `Bus` in bus.ts. */
export interface RpcClient<C extends RpcContract> {
  call<M extends keyof C & string>(
    method: M,
    params: C[M]['params'],
    options: CallOptions,
  ): Promise<Outcome<C[M]['result']>>;
  cast<M extends keyof C & string>(
    method: M,
    params: C[M]['params'],
    options: CastOptions,
  ): Promise<Outcome<undefined>>;
  fanout<M extends keyof C & string>(
    method: M,
    params: C[M]['params'],
    options: { requestId: string },
  ): Promise<void>;
}

/** The serving side of a contract: the compiler requires every method. */
export function rpcServer<C extends RpcContract>(
  topic: string,
  handlers: HandlersOf<C>,
  options: { concurrency?: number } = {},
): RpcServer {
  // The contract's params and results are plain JSON; the bus checks it when it copies them.
  return { topic, handlers: handlers as unknown as RpcHandlers, ...options };
}

/** The calling side of a contract, on a topic. */
export function rpcClient<C extends RpcContract>(bus: Bus, topic: string): RpcClient<C> {
  return {
    call: async (method, params, options) =>
      // Cast: see rpcServer.
      (await bus.call(topic, method, params as JsonObject, options)) as never,
    cast: (method, params, options) => bus.cast(topic, method, params as JsonObject, options),
    fanout: (method, params, options) => bus.fanout(topic, method, params as JsonObject, options),
  };
}
