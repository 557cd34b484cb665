// Calls over RabbitMQ: sent to the topic's queue, answered by direct reply-to on the same channel.
// https://www.rabbitmq.com/docs/direct-reply-to
import type { AsyncMessage, Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Clock, Repetition } from '../../clock.ts';
import { notDelivered } from '../bus.ts';
import { acceptedType, aliveType } from './message.ts';

const startableShare = 0.9;
/** How soon a caller learns that its consumer has died. */
const aliveEveryMs = 3_000;

interface Waiting {
  resolve(answer: Outcome<Buffer>): void;
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
  /** Of calls that take long: asks whether their consumer lives. */
  readonly #watches = new Map<string, Repetition>();
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
    this.#waiting.set(id, answer);
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
      void this.#watches.get(id)?.stop();
      this.#watches.delete(id);
    }
  }

  /** The call ends when its consumer has died: the broker returns what it cannot deliver to it. */
  #watchConsumer(channel: Channel, id: string, queue: string): void {
    if (!this.#waiting.has(id) || this.#watches.has(id)) return;
    const ask = async (): Promise<void> =>
      await channel.basicPublish(
        { routingKey: queue, type: aliveType, correlationId: id, mandatory: true },
        Buffer.alloc(0),
      );
    const watch = this.#clock.every(aliveEveryMs, ask, {
      onError: () => undefined, // the channel has closed: the call has ended
    });
    this.#watches.set(id, watch);
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
          const id = String(correlationId);
          if (type === acceptedType) this.#watchConsumer(channel, id, String(body));
          else this.#waiting.get(id)?.resolve(body as Buffer); // as replies are sent
        },
      );
      return channel;
    } catch (error) {
      this.#channel = undefined;
      throw error;
    }
  }
}
