// Types on both ends of a topic: contracts/ holds a type that maps method -> params and result,
// these bind it to the bus.
import type { Outcome } from '#contracts/common/fault.ts';
import type { JsonObject } from '#contracts/common/json.ts';
import type { Bus, CallOptions, CastOptions, RpcContext, RpcHandlers, RpcServer } from './bus.ts';

/**
 * e.g. `{BuildServers: {params: {servers: string[]}; result: undefined}}`. Params and results are
 * plain JSON.
 */
export type RpcContract = { [method: string]: { params: object; result: unknown } };

export type HandlersOf<C extends RpcContract> = {
  readonly [M in keyof C]: (
    params: C[M]['params'],
    context: RpcContext,
  ) => Promise<Outcome<C[M]['result']>>;
};

/** See Bus for what each promises. */
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

/** A service's side of a contract: the compiler asks for every method. */
export function rpcServer<C extends RpcContract>(
  topic: string,
  handlers: HandlersOf<C>,
  options: { concurrency?: number } = {},
): RpcServer {
  // plain JSON by the contract; the bus checks it when copying
  return { topic, handlers: handlers as unknown as RpcHandlers, ...options };
}

/** A caller's side of a contract. */
export function rpcClient<C extends RpcContract>(bus: Bus, topic: string): RpcClient<C> {
  return {
    call: async (method, params, options) =>
      (await bus.call(topic, method, params as JsonObject, options)) as never, // as in rpcServer
    cast: (method, params, options) => bus.cast(topic, method, params as JsonObject, options),
    fanout: (method, params, options) => bus.fanout(topic, method, params as JsonObject, options),
  };
}
