// Declares what messages are kept in at RabbitMQ: the queue of a topic's casts and the one of dead
// letters. Once a connection and name, one after the other: the broker (3.10) breaks connections
// that declare one quorum queue at the same moment.
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

  /** Safe to repeat, also beside other processes. Rejects while the broker is away. */
  async castsOf(topic: string): Promise<void> {
    await this.#once('dead letters', async () => await this.#deadLetters());
    const queue = castQueue(this.#names, topic);
    await this.#once(queue.queue, async () => void (await this.#connection.queueDeclare(queue)));
  }

  /** A new connection may be to a broker that lost what was declared. */
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
      this.#last = declared.catch(() => undefined); // told to whoever asked for it
      this.#declared.set(name, declared);
      declared.catch(() => this.#declared.delete(name));
    }
    await declared;
  }
}
