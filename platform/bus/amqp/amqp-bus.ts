// The message bus over RabbitMQ (AMQP 0-9-1): between processes, with the guarantees of the
// in-process bus. Created by compose.
import type { Publisher } from 'rabbitmq-client';
import { Connection } from 'rabbitmq-client';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { Clock } from '../../clock.ts';
import { fenceToken } from '../../fence.ts';
import type { Ids } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { Bus, CallOptions, CastOptions, ObserveRpc, RpcHandlers, Serving } from '../bus.ts';
import { AmqpCaller } from './caller.ts';
import { decodeReply, encodeMessage } from './message.ts';
import type { AmqpNames } from './names.ts';
import { callQueue, castQueue, fanoutExchange } from './names.ts';
import { AmqpServing } from './serving.ts';
import { Topology } from './topology.ts';

export interface AmqpOptions {
  /** `host:port` of each broker; when one fails, the next in the list is tried. */
  hosts: readonly string[];
  username: string;
  password: string;
  /**
   * Connect by TLS; the broker's certificate must be signed by an authority that this process
   * trusts.
   */
  tls?: boolean;
  vhost?: string;
  /** Prefix of the names of all queues and exchanges. */
  prefix?: string;
  limits?: Partial<AmqpLimits>;
}

export interface AmqpLimits {
  /** Maximum length of a topic's queue, in messages. */
  maxQueued: number;
  /** How many message ids each consumer remembers, to drop a cast that is sent twice. */
  maxRemembered: number;
  /** Deliveries of a cast whose handler throws each time, before it becomes a dead letter. */
  maxDeliveries: number;
  /** Mean pause before the second delivery; doubles with each further one. */
  redeliveryBackoffMs: number;
  /** How long `close` waits for messages in progress. */
  drainTimeoutMs: number;
  /** How long a sender waits for a broker that is not connected before it gets `unavailable`. */
  awayTimeoutMs: number;
}

const defaultLimits: AmqpLimits = {
  maxQueued: 10_000,
  maxRemembered: 10_000,
  maxDeliveries: 5,
  redeliveryBackoffMs: 100,
  drainTimeoutMs: 10_000,
  awayTimeoutMs: 5_000,
};
const defaultConcurrency = 64;
const reconnectMs = { first: 200, most: 5_000 };

export interface AmqpBusDeps {
  clock: Clock;
  ids: Pick<Ids, 'random' | 'uuid'>;
  log: Log;
  observe?: ObserveRpc;
}

export interface BrokerBus extends Bus {
  /** Why the broker is not connected; undefined while it is connected. */
  trouble(): string | undefined;
}

export function createAmqpBus(options: AmqpOptions, deps: AmqpBusDeps): BrokerBus {
  return new AmqpBus(options, deps);
}

class AmqpBus implements BrokerBus {
  readonly #deps: AmqpBusDeps;
  readonly #limits: AmqpLimits;
  readonly #names: AmqpNames;
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  readonly #caller: AmqpCaller;
  /** The consumers of this process, by topic. */
  readonly #servings = new Map<string, Set<AmqpServing>>();
  readonly #topology: Topology;
  #lastError = 'not connected yet';
  #closed = false;

  constructor(
    { hosts, username, password, tls = false, vhost, prefix = 'cobalt', limits }: AmqpOptions,
    deps: AmqpBusDeps,
  ) {
    this.#deps = deps;
    this.#limits = { ...defaultLimits, ...limits };
    const { maxQueued, maxDeliveries, awayTimeoutMs } = this.#limits;
    this.#names = { prefix, maxQueued, maxDeliveries };
    this.#connection = new Connection({
      hosts: [...hosts],
      username,
      password,
      tls,
      ...(vhost === undefined ? {} : { vhost }),
      noDelay: true, // else Nagle's algorithm delays each call by 40 ms
      acquireTimeout: awayTimeoutMs,
      connectionTimeout: awayTimeoutMs,
      retryLow: reconnectMs.first,
      retryHigh: reconnectMs.most,
    });
    this.#connection.on('error', (error: unknown) => {
      this.#lastError = String(error);
      deps.log.warn({ err: error }, 'the message broker is away; it is tried again');
    });
    this.#connection.on('connection', () => {
      this.#topology.forget();
      deps.log.info({ hosts }, 'connected to the message broker');
    });
    this.#topology = new Topology(this.#connection, this.#names);
    this.#publisher = this.#connection.createPublisher({ confirm: true });
    this.#caller = new AmqpCaller(this.#connection, deps.clock);
  }

  serve(topic: string, handlers: RpcHandlers, options: { concurrency?: number } = {}): Serving {
    const serving = new AmqpServing(
      {
        connection: this.#connection,
        ...this.#deps,
        names: this.#names,
        topology: this.#topology,
        redeliveryBackoffMs: this.#limits.redeliveryBackoffMs,
        maxRemembered: this.#limits.maxRemembered,
      },
      { topic, handlers, concurrency: options.concurrency ?? defaultConcurrency },
    );
    const ofTopic = this.#servings.get(topic) ?? new Set();
    this.#servings.set(topic, ofTopic.add(serving));
    return {
      close: async () => {
        ofTopic.delete(serving);
        await serving.close();
      },
    };
  }

  async call(
    topic: string,
    method: string,
    params: JsonObject,
    { timeoutMs, requestId }: CallOptions,
  ): Promise<Outcome<Json | undefined>> {
    if (this.#closed) return closedFault();
    const message = encodeMessage({ params, requestId, fence: fenceToken() });
    await this.#ownReady(topic);
    const answer = await this.#caller.call({
      queue: callQueue(this.#names, topic).queue,
      method,
      ...message,
      timeoutMs,
    });
    return isFault(answer) ? answer : decodeReply(answer, `${topic}.${method}`);
  }

  async cast(
    topic: string,
    method: string,
    params: JsonObject,
    { requestId, messageId }: CastOptions,
  ): Promise<Outcome<undefined>> {
    if (this.#closed) return closedFault();
    const message = encodeMessage({ params, requestId, fence: fenceToken() });
    const { queue } = castQueue(this.#names, topic);
    try {
      await this.#topology.castsOf(topic);
      await this.#publish(
        {
          routingKey: queue,
          type: method,
          durable: true,
          ...(messageId === undefined ? {} : { messageId }),
        },
        message,
      );
    } catch (error) {
      return fault('unavailable', `The message bus does not take ${method}: ${String(error)}`);
    }
    return undefined;
  }

  async fanout(
    topic: string,
    method: string,
    params: JsonObject,
    { requestId }: { requestId: string },
  ): Promise<void> {
    if (this.#closed) return;
    const message = encodeMessage({ params, requestId, fence: fenceToken() });
    const exchange = fanoutExchange(this.#names.prefix, topic);
    await this.#ownReady(topic);
    try {
      await this.#connection.exchangeDeclare({ exchange, type: 'fanout', autoDelete: true });
      await this.#publish({ exchange, type: method }, message);
    } catch (error) {
      this.#deps.log.warn({ topic, method, req: requestId, err: error }, 'fanout not sent');
    }
  }

  trouble(): string | undefined {
    return this.#connection.ready ? undefined : this.#lastError;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { clock, log } = this.#deps;
    const { drainTimeoutMs } = this.#limits;
    const servings = [...this.#servings.values()].flatMap((ofTopic) => [...ofTopic]);
    const limit = new AbortController();
    const late = clock.sleep(drainTimeoutMs, { signal: limit.signal }).then(
      () => log.warn({ ms: drainTimeoutMs }, 'bus closed with messages in work'),
      () => undefined, // all drained in time: no warning
    );
    const drained = Promise.all(servings.map(async (serving) => await serving.close()));
    await Promise.race([drained, late]);
    limit.abort();
    await this.#caller.close();
    await this.#publisher.close();
    await this.#connection.close();
  }

  async #publish(
    envelope: Parameters<Publisher['send']>[0] & object,
    { contentType, body }: ReturnType<typeof encodeMessage>,
  ): Promise<void> {
    await this.#publisher.send({ ...envelope, contentType }, body);
  }

  /** Waits until this process's own consumers of the topic are ready to receive. */
  async #ownReady(topic: string): Promise<void> {
    const own = this.#servings.get(topic);
    if (own) await Promise.all([...own].map(async ({ ready }) => await ready));
  }
}

const closedFault = () => fault('unavailable', 'The bus is closed.');
