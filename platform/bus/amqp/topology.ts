// Declares the queues that hold casts at RabbitMQ: one for each topic, and the one for dead
// letters. Each is declared once per connection, and one after the other: broker version 3.10
// closes connections that declare the same quorum queue at the same moment.
import type { Connection } from 'rabbitmq-client';
import type { AmqpNames } from './names.ts';
import { castQueue, deadLetterExchange, deadLetterQueue } from './names.ts';

export class Topology {
  readonly #connection: Connection;
  readonly #names: AmqpNames;
  readonly #declared = new Map<string, Promise<void>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection, names: AmqpNames) {
    this.#connection = connection;
    this.#names = names;
  }

  /**
   * Declares the topic's cast queue. Idempotent, also between processes. Rejects while the broker
   * is not connected.
   */
  async castsOf(topic: string): Promise<void> {
    await this.#once('dead letters', async () => await this.#deadLetters());
    const queue = castQueue(this.#names, topic);
    await this.#once(queue.queue, async () => void (await this.#connection.queueDeclare(queue)));
  }

  /**
   * Called for a new connection: the broker behind it may have lost its queues, so declare them
   * again.
   */
  forget(): void {
    this.#declared.clear();
  }

  async #deadLetters(): Promise<void> {
    const exchange = deadLetterExchange(this.#names.prefix);
    const queue = deadLetterQueue(this.#names);
    await this.#connection.exchangeDeclare({ exchange, type: 'fanout', durable: true });
    await this.#connection.queueDeclare(queue);
    await this.#connection.queueBind({ queue: queue.queue, exchange });
  }

  async #once(name: string, declare: () => Promise<void>): Promise<void> {
    let declared = this.#declared.get(name);
    if (!declared) {
      declared = this.#last.then(declare);
      // Only orders the declarations: the caller of #once gets the error.
      this.#last = declared.catch(() => undefined);
      this.#declared.set(name, declared);
      declared.catch(() => this.#declared.delete(name));
    }
    await declared;
  }
}
