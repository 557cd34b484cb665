// Serves one topic over RabbitMQ: consumes its calls, casts and fanouts and runs the handlers.
import type { AsyncMessage, Connection, Consumer } from 'rabbitmq-client';
import { ConsumerStatus } from 'rabbitmq-client';
import type { Outcome } from '#contracts/common/fault.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Clock } from '../../clock.ts';
import { withoutFence } from '../../fence.ts';
import type { Ids } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { ObserveRpc, RpcContext, RpcHandlers } from '../bus.ts';
import { notDelivered } from '../bus.ts';
import { acceptedType, aliveType, decodeMessage, encodeError, encodeReply } from './message.ts';
import type { AmqpNames } from './names.ts';
import { callQueue, castQueue, fanoutExchange } from './names.ts';
import { Slots } from './slots.ts';
import type { Topology } from './topology.ts';

export interface ServingDeps {
  connection: Connection;
  clock: Clock;
  ids: Pick<Ids, 'random' | 'uuid'>;
  log: Log;
  observe?: ObserveRpc | undefined;
  names: AmqpNames;
  topology: Topology;
  redeliveryBackoffMs: number;
  /** How many message ids of casts are remembered, to drop a cast that is sent twice. */
  maxRemembered: number;
}

const declarePauseMs = 500;

type Reply = (body: Buffer, envelope?: { type: string }) => Promise<void>;
/** After this long without an answer the caller is told that its call was accepted, and by whom. */
const acceptedAfterMs = 1_000;
type Answer = { outcome: Outcome<Json | undefined> } | { error: unknown };

export class AmqpServing {
  readonly #deps: ServingDeps;
  readonly #topic: string;
  readonly #handlers: RpcHandlers;
  readonly #slots: Slots;
  readonly #consumers: Consumer[] = [];
  /** Ids of casts that were accepted; beyond the bound the oldest is forgotten first. */
  readonly #acceptedIds = new Set<string>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;
  /** Exclusive to this consumer: the broker deletes the queue when the consumer dies. */
  readonly #ownQueue: string;
  readonly ready: Promise<void>;

  constructor(
    deps: ServingDeps,
    { topic, handlers, concurrency }: { topic: string; handlers: RpcHandlers; concurrency: number },
  ) {
    this.#deps = deps;
    this.#topic = topic;
    this.#handlers = handlers;
    this.#slots = new Slots(concurrency);
    const { names } = deps;
    const qos = { prefetchCount: concurrency };
    const exchange = fanoutExchange(names.prefix, topic);
    const fanouts = `${exchange}.${deps.ids.uuid()}`;
    this.#ownQueue = fanouts;
    this.ready = Promise.all([
      this.#consume(
        { ...queueOf(callQueue(names, topic)), qos },
        async (message, reply) => await this.#answerCall(message, reply),
      ),
      this.#declareCasts().then(
        async () =>
          await this.#consume(
            { ...queueOf(castQueue(names, topic)), qos },
            async (message) => await this.#carryOut(message),
          ),
      ),
      this.#consume(
        {
          ...queueOf({ queue: fanouts, exclusive: true, autoDelete: true }),
          noAck: true,
          exchanges: [{ exchange, type: 'fanout', autoDelete: true }],
          queueBindings: [{ queue: fanouts, exchange }],
        },
        async (message) => await this.#hear(message),
      ),
    ]).then(() => undefined);
    // Reported by those who await `ready`; `error` events are logged below.
    this.ready.catch(() => undefined);
  }

  /** Takes no more messages; resolves when those in progress are handled. Safe to repeat. */
  async close(): Promise<void> {
    this.#closed ??= this.#end();
    await this.#closed;
  }

  async #end(): Promise<void> {
    this.#closing.abort();
    await this.ready.catch(() => undefined);
    await this.#refuseQueuedCalls().catch((error: unknown) =>
      this.#deps.log.debug(
        { topic: this.#topic, err: error },
        'queued calls end at their deadlines',
      ),
    );
    await Promise.all(this.#consumers.map(async (consumer) => await consumer.close()));
  }

  /** Declares the queue for casts; tries again until the broker is reachable. */
  async #declareCasts(): Promise<void> {
    const { topology, clock, ids, log } = this.#deps;
    for (;;) {
      try {
        return await topology.castsOf(this.#topic);
      } catch (error) {
        this.#closing.signal.throwIfAborted();
        log.warn({ topic: this.#topic, err: error }, 'the message broker takes no queue yet');
        await clock.sleep(declarePauseMs * (0.5 + ids.random()), { signal: this.#closing.signal });
      }
    }
  }

  async #consume(
    props: Parameters<Connection['createConsumer']>[0],
    handle: (message: AsyncMessage, reply: Reply) => Promise<ConsumerStatus>,
  ): Promise<void> {
    const consumer = this.#deps.connection.createConsumer(props, handle);
    this.#consumers.push(consumer);
    const ready = Promise.withResolvers<void>();
    consumer.on('ready', () => ready.resolve());
    // The client library reconnects and recreates the consumer by itself.
    consumer.on('error', (error: unknown) =>
      this.#deps.log.warn(
        { topic: this.#topic, err: error },
        'a consumer of the message bus broke',
      ),
    );
    await ready.promise;
  }

  async #answerCall(message: AsyncMessage, reply: Reply): Promise<ConsumerStatus> {
    const receivedMs = this.#deps.clock.now();
    // `expiration` is the caller's remaining time when it sent, in ms: unlike a time of day, it
    // does not depend on the two hosts' clocks agreeing.
    const deadlineMs = receivedMs + Number(message.expiration ?? Infinity);
    const accepted = this.#deps.clock.after(acceptedAfterMs, () => {
      reply(Buffer.from(this.#ownQueue), { type: acceptedType }).catch((error: unknown) =>
        this.#deps.log.debug({ topic: this.#topic, err: error }, 'caller not told'),
      );
    });
    await this.#slots.take();
    try {
      if (this.#closing.signal.aborted) {
        await reply(encodeReply(notDelivered('The consumer stops.')));
        return ConsumerStatus.ACK;
      }
      if (this.#deps.clock.now() >= deadlineMs) return ConsumerStatus.ACK; // the caller gave up
      const answer = await this.#handle(message, deadlineMs, 1);
      await reply('error' in answer ? encodeError(answer.error) : encodeReply(answer.outcome));
      return ConsumerStatus.ACK;
    } finally {
      accepted.stop();
      this.#slots.giveBack();
    }
  }

  async #carryOut(message: AsyncMessage): Promise<ConsumerStatus> {
    const { names, log, clock, ids, redeliveryBackoffMs } = this.#deps;
    const attempt = Number(message.headers?.['x-delivery-count'] ?? 0) + 1;
    const id = message.messageId;
    await this.#slots.take();
    let answer: Answer;
    try {
      // Put back into the queue for another consumer, or for this process after its restart.
      if (this.#closing.signal.aborted) return ConsumerStatus.REQUEUE;
      if (id !== undefined && attempt === 1 && !this.#remember(id)) return ConsumerStatus.ACK;
      answer = await this.#handle(message, Infinity, attempt);
    } finally {
      this.#slots.giveBack();
    }
    const facts = { topic: this.#topic, method: message.type, attempt };
    if (!('error' in answer)) {
      if (isFault(answer.outcome))
        log.debug({ ...facts, fault: answer.outcome.toJSON() }, 'cast ended with a fault');
      return ConsumerStatus.ACK;
    }
    if (attempt >= names.maxDeliveries) {
      log.error(
        { ...facts, err: answer.error },
        'message given up: its handler threw each time; it is kept as a dead letter',
      );
      if (id !== undefined) this.#acceptedIds.delete(id);
      return ConsumerStatus.DROP;
    }
    log.warn({ ...facts, err: answer.error }, 'rpc handler threw, message will be delivered again');
    await clock
      .sleep(redeliveryBackoffMs * 2 ** (attempt - 1) * (0.5 + ids.random()), {
        signal: this.#closing.signal,
      })
      .catch(() => undefined); // stopping: put it back without the pause
    return ConsumerStatus.REQUEUE;
  }

  async #hear(message: AsyncMessage): Promise<ConsumerStatus> {
    if (message.type === aliveType) return ConsumerStatus.ACK;
    const answer = await this.#handle(message, Infinity, 1);
    if ('error' in answer)
      this.#deps.log.warn(
        { topic: this.#topic, method: message.type, err: answer.error },
        'a handler of a fanout threw',
      );
    return ConsumerStatus.ACK;
  }

  async #handle(message: AsyncMessage, deadlineMs: number, attempt: number): Promise<Answer> {
    const { clock, observe, log } = this.#deps;
    const method = message.type ?? '';
    const { params, requestId, fence } = decodeMessage(message.body as Buffer);
    const context: RpcContext = { requestId, deadlineMs, attempt, fence };
    const startedMs = clock.now();
    let label = 'ok';
    try {
      const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : undefined;
      if (!handler) throw new Error(`${this.#topic} has no method ${method}`);
      const outcome = await withoutFence(async () => await handler(params, context));
      if (isFault(outcome)) label = outcome.kind;
      encodeReply(outcome); // throws if the result is not plain JSON, a bug of the handler
      return { outcome };
    } catch (error) {
      label = 'error';
      log.error(
        { topic: this.#topic, method, req: requestId, attempt, err: error },
        'rpc handler threw',
      );
      return { error };
    } finally {
      observe?.({ topic: this.#topic, method, outcome: label }, clock.now() - startedMs);
    }
  }

  /** Remembers the cast's id; returns false if one with this id was accepted before. */
  #remember(id: string): boolean {
    if (this.#acceptedIds.has(id)) return false;
    this.#acceptedIds.add(id);
    if (this.#acceptedIds.size > this.#deps.maxRemembered) {
      const [oldest] = this.#acceptedIds;
      if (oldest !== undefined) this.#acceptedIds.delete(oldest);
    }
    return true;
  }

  /**
   * Called when the last consumer stops: answers queued calls with `unavailable`, since nobody will
   * handle them.
   */
  async #refuseQueuedCalls(): Promise<void> {
    const { connection, names } = this.#deps;
    const { queue } = callQueue(names, this.#topic);
    const { consumerCount } = await connection.queueDeclare({ queue, passive: true });
    if (consumerCount > 1) return;
    for (;;) {
      const message = await connection.basicGet({ queue, noAck: true });
      if (!message) return;
      if (message.replyTo !== undefined)
        await this.#publishReply(message.replyTo, message.correlationId);
    }
  }

  async #publishReply(replyTo: string, correlationId: string | undefined): Promise<void> {
    const channel = await this.#deps.connection.acquire();
    try {
      await channel.basicPublish(
        { routingKey: replyTo, ...(correlationId === undefined ? {} : { correlationId }) },
        encodeReply(notDelivered('The last consumer has gone.')),
      );
    } finally {
      await channel.close();
    }
  }
}

const queueOf = ({ queue, ...options }: ReturnType<typeof callQueue>) => ({
  queue,
  queueOptions: { queue, ...options },
});
