// The message bus between the parts of a service and its agents. Drivers: in-process-bus.ts
// (embedded); RabbitMQ follows. Every driver passes `bus.testing.ts`. Topics: 'conductor',
// 'scheduler', 'compute.<host>'.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FenceToken } from '../fence.ts';

export interface RpcContext {
  /** `req-<uuid>` of the request that caused the message. */
  readonly requestId: string;
  /** When the caller stops waiting, ms since the epoch; Infinity for casts and fanouts. */
  readonly deadlineMs: number;
  /** 1, then counting up with each redelivery of a cast. */
  readonly attempt: number;
  /** Of the work that sent it (a saga step); see fenced-handlers.ts. null: it had none. */
  readonly fence: FenceToken | null;
}

/**
 * Expected failure is a Fault, returned; a bug is thrown. A cast's handler may run twice, so it is
 * idempotent.
 */
export type RpcHandler = (
  params: JsonObject,
  context: RpcContext,
) => Promise<Json | undefined | Fault>;
export type RpcHandlers = Readonly<Record<string, RpcHandler>>;

/** What a service serves, as data; make one with `rpcServer` of contract.ts. */
export interface RpcServer {
  topic: string;
  handlers: RpcHandlers;
  /** Messages in work at once; 64 unless told. */
  concurrency?: number;
}

export interface Serving {
  /** Takes no more messages and resolves when those in work are done. Safe to repeat. */
  close(): Promise<void>;
}

export interface CallOptions {
  timeoutMs: number;
  requestId: string;
}

export interface CastOptions {
  requestId: string;
  /**
   * Names the effect: while the bus remembers it (the last 10,000 of a topic), the same one is
   * taken once.
   */
  messageId?: string;
}

/**
 * Parameters and results are plain JSON and arrive as a copy; `undefined` members are left out;
 * anything else throws. A message carries the fence of the work that sends it (fence.ts); work that
 * has lost its own sends nothing: FenceLost is thrown.
 */
export interface Bus {
  /**
   * Consumers of one topic share its calls and casts; each gets every fanout. All of them serve the
   * same methods.
   */
  serve(topic: string, handlers: RpcHandlers, options?: { concurrency?: number }): Serving;

  /**
   * Asks and waits. Faults: the handler's own, equal; `timeout` when the deadline passes (the
   * handler may still work on);
   * `unavailable` at once when nobody serves the topic, or its queue is full. Throws when the
   * handler threw or has no such method.
   */
  call(
    topic: string,
    method: string,
    params: JsonObject,
    options: CallOptions,
  ): Promise<Outcome<Json | undefined>>;

  /**
   * Hands over and goes on: resolves when the bus has the message. Delivered at least once, waits
   * for a consumer that is not there yet, is delivered again (jittered, bounded) when the handler
   * throws, then dropped with an error in the log. A Fault of the handler ends it. `unavailable`
   * when the topic's queue is full.
   */
  cast(
    topic: string,
    method: string,
    params: JsonObject,
    options: CastOptions,
  ): Promise<Outcome<undefined>>;

  /** To everybody who serves the topic now, at most once; failures are logged. */
  fanout(
    topic: string,
    method: string,
    params: JsonObject,
    options: { requestId: string },
  ): Promise<void>;

  /**
   * Refuses new messages (`unavailable`) and resolves when those in work are done or
   * `drainTimeoutMs` has passed.
   */
  close(): Promise<void>;
}

/**
 * Told of every message that was handled; fits `Metrics.rpc`. `outcome`: 'ok', a fault kind, or
 * 'error'.
 */
export type ObserveRpc = (
  labels: { topic: string; method: string; outcome: string },
  ms: number,
) => void;
