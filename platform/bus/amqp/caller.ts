// The calling side of RPC over RabbitMQ: sends calls to a topic's queue and receives answers by
// direct reply-to on the same channel. https://www.rabbitmq.com/docs/direct-reply-to
import type { AsyncMessage, Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock, Repetition } from '../../clock.ts';
import { notDelivered } from '../bus.ts';
import { acceptedType, aliveType } from './message.ts';

const startableShare = 0.9;
/**
 * Interval of the check whether a call's consumer is alive. The death of one that has accepted the
 * call is noticed by one check, that of another by two.
 */
const pollEveryMs = 3_000;

interface Waiting {
  resolve(answer: Outcome<Buffer>): void;
  /** The topic's call queue, to which the call was sent. */
  queue: string;
  /**
   * The accepting consumer's own queue, deleted when that consumer dies; undefined until it
   * accepts.
   */
  consumer: string | undefined;
  /** At the last check the call was in no queue, and no consumer had accepted it. */
  isMissed: boolean;
}

export interface CallEnvelope {
  queue: string;
  method: string;
  contentType: string;
  body: Buffer;
  timeoutMs: number;
}

export class AmqpCaller {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  #channel: Promise<Channel> | undefined;
  #lastId = 0;
  #closed = false;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /**
   * Sends a call and returns the bytes of the answer. Faults: `unavailable` when nobody consumes
   * the queue, the queue is full, the consumer died or the broker is not connected; `timeout` when
   * there is no answer in time (the handler may still be running).
   */
  async call(envelope: CallEnvelope): Promise<Outcome<Buffer>> {
    const { queue, method, contentType, body, timeoutMs } = envelope;
    const id = String((this.#lastId += 1));
    const answer = Promise.withResolvers<Outcome<Buffer>>();
    const endsMs = this.#clock.monotonicMs() + timeoutMs;
    const deadline = this.#clock.after(timeoutMs, () =>
      answer.resolve(fault('timeout', 'No answer before the deadline.')),
    );
    const { resolve } = answer;
    this.#waiting.set(id, { resolve, queue, consumer: undefined, isMissed: false });
    const watch = this.#watch(id);
    try {
      this.#send(endsMs, {
        routingKey: queue,
        type: method,
        contentType,
        correlationId: id,
        replyTo: 'amq.rabbitmq.reply-to',
        mandatory: true,
        body,
      }).catch((error: unknown) =>
        answer.resolve(notDelivered(`The message bus does not take ${method}: ${String(error)}`)),
      );
      return await answer.promise;
    } finally {
      deadline.stop();
      this.#waiting.delete(id);
      void watch.stop();
    }
  }

  /** Checks regularly whether the consumer is alive, and ends the call if it has died. */
  #watch(id: string): Repetition {
    return this.#clock.every(pollEveryMs, async () => await this.#look(id), {
      onError: () => undefined, // the channel has closed, which ended the call
    });
  }

  /**
   * Once a consumer has accepted the call, it is pinged: the broker returns a ping that it cannot
   * deliver. Before that, the call is looked for in the topic's queue: when two checks in a row
   * find it in no queue, its consumer died with it. One such check proves nothing, since the call
   * may be on its way to a consumer.
   */
  async #look(id: string): Promise<void> {
    const waiting = this.#waiting.get(id);
    const channel = await this.#channel;
    if (!waiting || !channel) return;
    if (waiting.consumer === undefined) {
      const isQueued = (await this.#countQueued(waiting.queue)) > 0;
      if (waiting.consumer !== undefined) return; // accepted while we counted
      if (!isQueued && waiting.isMissed)
        waiting.resolve(notDelivered(`The consumer of ${waiting.queue} has died.`));
      waiting.isMissed = !isQueued;
    } else
      await channel.basicPublish(
        { routingKey: waiting.consumer, type: aliveType, correlationId: id, mandatory: true },
        Buffer.alloc(0),
      );
  }

  /** Number of messages in the queue; 0 if the queue does not exist. */
  async #countQueued(queue: string): Promise<number> {
    const channel = await this.#connection.acquire(); // own channel: NOT_FOUND closes it
    try {
      return (await channel.queueDeclare({ queue, passive: true })).messageCount;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'NOT_FOUND') return 0;
      throw error;
    } finally {
      await channel.close();
    }
  }

  /** Ends all waiting calls with `unavailable` and closes the channel. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.values())
      waiting.resolve(fault('unavailable', 'The bus was closed.'));
    await this.#channel?.then(
      async (channel) => await channel.close(),
      () => undefined, // the channel was never opened
    );
  }

  async #send(endsMs: number, { body, ...envelope }: Envelope & { body: Buffer }): Promise<void> {
    this.#channel ??= this.#open();
    const channel = await this.#channel;
    const leftMs = Math.ceil(endsMs - this.#clock.monotonicMs());
    if (this.#closed || leftMs <= 0) return;
    // The call expires in the queue after 90 % of its time: answered later than that, it would be
    // too late.
    const expiration = String(Math.max(1, Math.floor(leftMs * startableShare)));
    // Resolves when the broker has confirmed the message; rejects when the queue is full.
    await channel.basicPublish({ ...envelope, expiration }, body);
  }

  async #open(): Promise<Channel> {
    try {
      const channel = await this.#connection.acquire();
      channel.on('basic.return', ({ correlationId, routingKey }: ReturnedMessage) =>
        this.#waiting
          .get(String(correlationId))
          ?.resolve(notDelivered(`Nobody serves ${routingKey} now.`)),
      );
      channel.once('close', () => {
        this.#channel = undefined;
        // Direct replies arrive on this channel only, so no waiting call can be answered any more.
        for (const waiting of this.#waiting.values())
          waiting.resolve(notDelivered('The connection to the message bus broke.'));
      });
      await channel.confirmSelect();
      await channel.basicConsume(
        { queue: 'amq.rabbitmq.reply-to', noAck: true },
        ({ correlationId, type, body }: AsyncMessage) => {
          const waiting = this.#waiting.get(String(correlationId));
          if (!waiting) return;
          if (type === acceptedType) waiting.consumer = String(body);
          else waiting.resolve(body as Buffer); // a consumer replies with bytes
        },
      );
      return channel;
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
  }
}
