// The message bus between the roles and agents of the services. Drivers: in-process-bus.ts
// (embedded), amqp/ (RabbitMQ). Every driver passes `bus.testing.ts`. Topics are listed with their
// calls in contracts/ (*-rpc.ts), e.g. 'conductor', 'cortex', 'compute.<host>'.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { FenceToken } from '../fence.ts';

export interface RpcContext {
  /** `req-<uuid>` of the request that caused the message. */
  readonly requestId: string;
  /** When the caller stops waiting, ms since the epoch; Infinity for casts and fanouts. */
  readonly deadlineMs: number;
  /** 1 at first, incremented with each redelivery of a cast. */
  readonly attempt: number;
  /**
   * The fence of the work (a saga step or task) that sent the message; see fenced-handlers.ts.
   * null: the sender holds none.
   */
  readonly fence: FenceToken | null;
}

/**
 * Handles the calls, casts and fanouts of one method. An expected failure is returned as a Fault; a
 * bug is thrown. A cast may be delivered twice, so its handler is idempotent.
 */
export type RpcHandler = (
  params: JsonObject,
  context: RpcContext,
) => Promise<Json | undefined | Fault>;
export type RpcHandlers = Readonly<Record<string, RpcHandler>>;

/** What a role or an agent serves on a topic, as data. Created with `rpcServer` of contract.ts. */
export interface RpcServer {
  topic: string;
  handlers: RpcHandlers;
  /** Messages handled at the same time; default 64. */
  concurrency?: number;
}

export interface Serving {
  /** Accepts no more messages and resolves when those in progress are handled. Safe to repeat. */
  close(): Promise<void>;
}

export interface CallOptions {
  timeoutMs: number;
  requestId: string;
}

export interface CastOptions {
  requestId: string;
  /**
   * Identifies the effect: a second message with the same id is dropped while the bus remembers the
   * first (the last 10,000 of a topic).
   */
  messageId?: string;
}

/**
 * The bus. Parameters and results are plain JSON and arrive as a copy; `undefined` members are left
 * out; any other value throws. A message carries the fence of the work that sends it (fence.ts);
 * work that has lost its fence cannot send: `FenceLost` is thrown.
 */
export interface Bus {
  /**
   * Starts consuming a topic. Each call and cast goes to one of the topic's consumers, each fanout
   * to all of them. All consumers of a topic must serve the same methods.
   */
  serve(topic: string, handlers: RpcHandlers, options?: { concurrency?: number }): Serving;

  /**
   * Sends and waits for the answer. Faults: the handler's own, unchanged; `timeout` when the
   * deadline passes (the handler may still be running); `unavailable` at once when nobody serves
   * the topic, or its queue is full. Throws if the handler threw or has no such method.
   */
  call(
    topic: string,
    method: string,
    params: JsonObject,
    options: CallOptions,
  ): Promise<Outcome<Json | undefined>>;

  /**
   * Sends without waiting for an answer; resolves when the bus has accepted the message. Delivered
   * at least once as a rule, also to a consumer that starts later. It may be lost: the in-process
   * bus forgets it when the process ends, and every bus drops it, with an error in the log, when
   * the handler threw at each of a bounded number of deliveries (with jittered back-off). A Fault
   * returned by the handler is not retried. Faults: `unavailable` when the topic's queue is full,
   * the bus is closed, or the broker is not connected.
   */
  cast(
    topic: string,
    method: string,
    params: JsonObject,
    options: CastOptions,
  ): Promise<Outcome<undefined>>;

  /** Sends to every present consumer of the topic, at most once; failures are logged. */
  fanout(
    topic: string,
    method: string,
    params: JsonObject,
    options: { requestId: string },
  ): Promise<void>;

  /**
   * Refuses new messages (`unavailable`) and resolves when those in progress are handled or
   * `drainTimeoutMs` has passed.
   */
  close(): Promise<void>;
}

/**
 * The fault for a message that no consumer took, or whose answer was lost. The handler may have run
 * nevertheless, so only idempotent calls may be sent again.
 */
export const notDelivered = (message: string): Fault =>
  fault('unavailable', message, { delivered: 'unknown' });

/** Whether the fault is that of `notDelivered`, so that an idempotent call may be sent again. */
export const isNotDelivered = ({ detail }: Fault): boolean => detail['delivered'] === 'unknown';

/**
 * Called for every handled message; has the signature of `Metrics.rpc`. `outcome`: 'ok', a fault
 * kind, or 'error'.
 */
export type ObserveRpc = (
  labels: { topic: string; method: string; outcome: string },
  ms: number,
) => void;
