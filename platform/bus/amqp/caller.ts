// Calls over RabbitMQ: sent to the topic's queue, answered by direct reply-to on the same channel.
// https://www.rabbitmq.com/docs/direct-reply-to
import type { AsyncMessage, Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock, Repetition } from '../../clock.ts';
import { notDelivered } from '../bus.ts';
import { acceptedType, aliveType } from './message.ts';

const startableShare = 0.9;
/** How soon a caller learns that its consumer has died: at the second look at the latest. */
const lookEveryMs = 3_000;

interface Waiting {
  resolve(answer: Outcome<Buffer>): void;
  /** The queue of the topic. */
  queue: string;
  /** The queue that lives as long as the consumer that has the call, once that has told so. */
  consumer: string | undefined;
  /** At the last look it was not in the queue, and no consumer had told that it has it. */
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
   * The bytes of the answer. unavailable: nobody consumes the queue, it is full, its consumer died,
   * or the broker is away; timeout: no answer in time, and the other side may work on.
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

  /** The call ends when its consumer has died. */
  #watch(id: string): Repetition {
    return this.#clock.every(lookEveryMs, async () => await this.#look(id), {
      onError: () => undefined, // the channel has closed: the call has ended
    });
  }

  /**
   * A consumer that has accepted the call is pinged: the broker returns a ping that it cannot
   * deliver. A consumer that dies before it accepts takes the call with it: a call that is in no
   * queue at two looks is lost; at one look it may be on its way to a consumer.
   */
  async #look(id: string): Promise<void> {
    const waiting = this.#waiting.get(id);
    const channel = await this.#channel;
    if (!waiting || !channel) return;
    if (waiting.consumer === undefined) {
      const isQueued = (await this.#countQueued(waiting.queue)) > 0;
      if (waiting.consumer !== undefined) return; // it told so meanwhile
      if (!isQueued && waiting.isMissed)
        waiting.resolve(notDelivered(`The consumer of ${waiting.queue} has died.`));
      waiting.isMissed = !isQueued;
    } else
      await channel.basicPublish(
        { routingKey: waiting.consumer, type: aliveType, correlationId: id, mandatory: true },
        Buffer.alloc(0),
      );
  }

  /** Messages that wait for a consumer; 0 also where the queue has gone. */
  async #countQueued(queue: string): Promise<number> {
    const channel = await this.#connection.acquire(); // its own: it closes where the queue has gone
    try {
      return (await channel.queueDeclare({ queue, passive: true })).messageCount;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'NOT_FOUND') return 0;
      throw error;
    } finally {
      await channel.close();
    }
  }

  /** Those that wait are told that the bus was closed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#waiting.values())
      waiting.resolve(fault('unavailable', 'The bus was closed.'));
    await this.#channel?.then(
      async (channel) => await channel.close(),
      () => undefined, // there was none
    );
  }

  async #send(endsMs: number, { body, ...envelope }: Envelope & { body: Buffer }): Promise<void> {
    this.#channel ??= this.#open();
    const channel = await this.#channel;
    const leftMs = Math.ceil(endsMs - this.#clock.monotonicMs());
    if (this.#closed || leftMs <= 0) return;
    // Not started in the last tenth of its time: nobody would wait for the answer any more.
    const expiration = String(Math.max(1, Math.floor(leftMs * startableShare)));
    // Resolves with the broker's confirm; rejects when the queue is full.
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
        // Answers come on this channel alone.
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
          else waiting.resolve(body as Buffer); // as replies are sent
        },
      );
      return channel;
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
  }
}
