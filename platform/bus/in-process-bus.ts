// The bus of the embedded cloud: the guarantees of a broker, within one process. Created by
// compose.
import { Fault, fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Clock } from '../clock.ts';
import type { FenceToken } from '../fence.ts';
import { fenceToken, withoutFence } from '../fence.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type {
  Bus,
  CallOptions,
  CastOptions,
  ObserveRpc,
  RpcContext,
  RpcHandlers,
  Serving,
} from './bus.ts';
import { notDelivered } from './bus.ts';
import { copyJson } from './copy-json.ts';
import { Topic, type Consumer } from './topic.ts';

export interface InProcessBusDeps {
  clock: Clock;
  ids: Pick<Ids, 'random'>;
  log: Log;
  observe?: ObserveRpc;
}

export interface InProcessBusLimits {
  /** Maximum length of a topic's queue, in messages. */
  maxQueued: number;
  /** Number of remembered cast ids for each topic, to drop a cast that is sent twice. */
  maxRemembered: number;
  /** Deliveries of a cast whose handler throws each time, before it is given up. */
  maxDeliveries: number;
  /** Mean pause before the second delivery; doubles with each further one. */
  redeliveryBackoffMs: number;
  /** How long `close` waits for messages in progress. */
  drainTimeoutMs: number;
}

const defaultLimits: InProcessBusLimits = {
  maxQueued: 10_000,
  maxRemembered: 10_000,
  maxDeliveries: 5,
  redeliveryBackoffMs: 100,
  drainTimeoutMs: 10_000,
};
const defaultConcurrency = 64;
/**
 * Interval at which deadlines are checked while calls wait: far cheaper than a timer for each call.
 */
const sweepMs = 20;

/** A call whose caller waits for the answer; casts have none. */
interface Waiting {
  deadlineMs: number;
  resolve(outcome: Outcome<Json | undefined>): void;
  reject(error: Error): void;
}

interface Message {
  method: string;
  params: JsonObject;
  requestId: string;
  attempt: number;
  fence: FenceToken | null;
  messageId?: string;
  waiting?: Waiting;
}

type RpcTopic = Topic<RpcHandlers, Message>;

export function createInProcessBus(
  deps: InProcessBusDeps,
  limits: Partial<InProcessBusLimits> = {},
): Bus {
  return new InProcessBus(deps, { ...defaultLimits, ...limits });
}

class InProcessBus implements Bus {
  readonly #deps: InProcessBusDeps;
  readonly #limits: InProcessBusLimits;
  readonly #topics = new Map<string, RpcTopic>();
  readonly #waiting = new Set<Waiting>();
  #sweeping = false;
  readonly #ending = new AbortController();

  constructor(deps: InProcessBusDeps, limits: InProcessBusLimits) {
    this.#deps = deps;
    this.#limits = limits;
  }

  serve(name: string, handlers: RpcHandlers, options: { concurrency?: number } = {}): Serving {
    const topic = this.#topic(name);
    const consumer: Consumer<RpcHandlers> = {
      handlers,
      concurrency: options.concurrency ?? defaultConcurrency,
      running: 0,
      closed: false,
      onIdle: [],
    };
    topic.consumers.push(consumer);
    queueMicrotask(() => this.#pump(name, topic));
    return { close: () => this.#stop(topic, consumer) };
  }

  async call(
    name: string,
    method: string,
    params: JsonObject,
    options: CallOptions,
  ): Promise<Outcome<Json | undefined>> {
    const topic = this.#topics.get(name);
    if (this.#closed || !topic || topic.consumers.length === 0)
      return notDelivered(`Nobody serves ${name} now.`);
    const fence = fenceToken();
    return await new Promise((resolve, reject) => {
      const waiting = { deadlineMs: this.#deps.clock.now() + options.timeoutMs, resolve, reject };
      const message = {
        method,
        params: copyJson(params),
        requestId: options.requestId,
        attempt: 1,
        fence,
        waiting,
      };
      const consumer = topic.free();
      if (!consumer && !topic.enqueue(message)) return resolve(queueFull(name));
      this.#waiting.add(waiting);
      if (consumer) void this.#deliver(name, topic, consumer, message);
      if (!this.#sweeping) void this.#sweep();
    });
  }

  async cast(
    name: string,
    method: string,
    params: JsonObject,
    options: CastOptions,
  ): Promise<Outcome<undefined>> {
    if (this.#closed) return fault('unavailable', 'The bus is closed.');
    const topic = this.#topic(name);
    const message: Message = {
      method,
      params: copyJson(params),
      ...options,
      attempt: 1,
      fence: fenceToken(),
    };
    if (options.messageId !== undefined && !topic.remember(options.messageId)) return undefined;
    if (!topic.enqueue(message)) {
      if (options.messageId !== undefined) topic.forget(options.messageId);
      return queueFull(name);
    }
    // Deferred, so that the handler does not run on the sender's call stack.
    queueMicrotask(() => this.#pump(name, topic));
    return undefined;
  }

  async fanout(
    name: string,
    method: string,
    params: JsonObject,
    options: { requestId: string },
  ): Promise<void> {
    if (this.#closed) return;
    const topic = this.#topic(name);
    for (const consumer of topic.consumers) {
      const message: Message = {
        method,
        params: copyJson(params),
        requestId: options.requestId,
        attempt: this.#limits.maxDeliveries,
        fence: fenceToken(),
      };
      queueMicrotask(() => void this.#deliver(name, topic, consumer, message));
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#ending.abort();
    const drained = Promise.all(
      [...this.#topics.values()].flatMap((topic) =>
        [...topic.consumers].map((consumer) => this.#stop(topic, consumer)),
      ),
    );
    const limit = new AbortController();
    const late = this.#deps.clock.sleep(this.#limits.drainTimeoutMs, { signal: limit.signal }).then(
      () =>
        this.#deps.log.warn(
          { ms: this.#limits.drainTimeoutMs },
          'bus closed with messages in work',
        ),
      () => undefined, // all handled in time: no warning
    );
    await Promise.race([drained, late]);
    limit.abort();
    for (const waiting of this.#waiting)
      waiting.resolve(fault('unavailable', 'The bus was closed.'));
    this.#waiting.clear();
  }

  get #closed(): boolean {
    return this.#ending.signal.aborted;
  }

  #topic(name: string): RpcTopic {
    let topic = this.#topics.get(name);
    if (!topic) this.#topics.set(name, (topic = new Topic(this.#limits)));
    return topic;
  }

  /** Passes queued messages to free consumers. */
  #pump(name: string, topic: RpcTopic): void {
    for (let consumer = topic.free(); consumer; consumer = topic.free()) {
      const message = topic.dequeue();
      if (!message) return;
      // A call whose deadline passed while it was queued is not started.
      if (!message.waiting || this.#waiting.has(message.waiting))
        void this.#deliver(name, topic, consumer, message);
    }
  }

  async #deliver(
    name: string,
    topic: RpcTopic,
    consumer: Consumer<RpcHandlers>,
    message: Message,
  ): Promise<void> {
    const { clock, observe } = this.#deps;
    consumer.running += 1;
    const startedMs = observe ? clock.now() : 0;
    let outcome = 'ok';
    try {
      const handler = Object.hasOwn(consumer.handlers, message.method)
        ? consumer.handlers[message.method]
        : undefined;
      if (!handler) throw new Error(`${name} has no method ${message.method}`);
      const context: RpcContext = {
        requestId: message.requestId,
        deadlineMs: message.waiting?.deadlineMs ?? Infinity,
        attempt: message.attempt,
        fence: message.fence,
      };
      // In a distributed cloud the handler runs in another process, so it must not inherit the
      // sender's fence here either.
      const result = await withoutFence(() => handler(message.params, context));
      if (isFault(result)) outcome = result.kind;
      this.#answer(
        name,
        message,
        isFault(result)
          ? Fault.from(copyJson(result.toJSON() as unknown as JsonObject) as never)
          : copyJson(result),
      );
    } catch (error) {
      outcome = 'error';
      this.#failed(name, topic, message, error);
    } finally {
      consumer.running -= 1;
      observe?.({ topic: name, method: message.method, outcome }, clock.now() - startedMs);
      if (consumer.running === 0) for (const idle of consumer.onIdle.splice(0)) idle();
      this.#pump(name, topic);
    }
  }

  #answer(name: string, message: Message, outcome: Outcome<Json | undefined>): void {
    if (message.waiting && this.#waiting.delete(message.waiting)) message.waiting.resolve(outcome);
    else if (!message.waiting && isFault(outcome)) {
      this.#deps.log.debug(
        { topic: name, method: message.method, req: message.requestId, fault: outcome.toJSON() },
        'cast ended with a fault',
      );
    }
  }

  #failed(name: string, topic: RpcTopic, message: Message, error: unknown): void {
    const facts = {
      topic: name,
      method: message.method,
      req: message.requestId,
      attempt: message.attempt,
      err: error,
    };
    if (message.waiting) {
      this.#deps.log.error(facts, 'rpc handler threw');
      const text = error instanceof Error ? error.message : String(error);
      if (this.#waiting.delete(message.waiting))
        message.waiting.reject(new Error(`${name}.${message.method} failed: ${text}`));
      return;
    }
    if (message.attempt >= this.#limits.maxDeliveries) {
      this.#deps.log.error(facts, 'message dropped: its handler threw each time');
      if (message.messageId !== undefined) topic.forget(message.messageId);
      return;
    }
    this.#deps.log.warn(facts, 'rpc handler threw, message will be delivered again');
    void this.#redeliver(name, topic, { ...message, attempt: message.attempt + 1 });
  }

  async #redeliver(name: string, topic: RpcTopic, message: Message): Promise<void> {
    const backoffMs =
      this.#limits.redeliveryBackoffMs *
      2 ** (message.attempt - 2) *
      (0.5 + this.#deps.ids.random());
    try {
      await this.#deps.clock.sleep(backoffMs, { signal: this.#ending.signal });
    } catch {
      return; // the bus was closed, and the call with it
    }
    if (!topic.enqueue(message))
      this.#deps.log.error(
        { topic: name, method: message.method, req: message.requestId },
        'message dropped: queue full',
      );
    this.#pump(name, topic);
  }

  /** Ends calls whose deadline has passed; runs as long as any call waits. */
  async #sweep(): Promise<void> {
    this.#sweeping = true;
    while (this.#waiting.size > 0) {
      await this.#deps.clock.sleep(sweepMs);
      const nowMs = this.#deps.clock.now();
      for (const waiting of this.#waiting) {
        if (waiting.deadlineMs > nowMs) continue;
        this.#waiting.delete(waiting);
        waiting.resolve(fault('timeout', 'No answer before the deadline.'));
      }
    }
    this.#sweeping = false;
  }

  async #stop(topic: RpcTopic, consumer: Consumer<RpcHandlers>): Promise<void> {
    if (!consumer.closed) {
      consumer.closed = true;
      topic.consumers.splice(topic.consumers.indexOf(consumer), 1);
    }
    if (topic.consumers.length === 0) this.#refuseQueuedCalls(topic);
    if (consumer.running > 0) await new Promise<void>((resolve) => consumer.onIdle.push(resolve));
  }

  /**
   * Called when the last consumer stops: answers queued calls with `unavailable`; casts stay for
   * the next consumer.
   */
  #refuseQueuedCalls(topic: RpcTopic): void {
    const casts: Message[] = [];
    for (let message = topic.dequeue(); message; message = topic.dequeue()) {
      if (!message.waiting) casts.push(message);
      else if (this.#waiting.delete(message.waiting))
        message.waiting.resolve(notDelivered('The last consumer has gone.'));
    }
    for (const message of casts) topic.enqueue(message);
  }
}

function queueFull(name: string): Fault {
  return fault('unavailable', `The queue of ${name} is full.`);
}
