// One topic of the in-process bus: its consumers, its bounded queue, and the ids of casts that it
// has accepted.

export interface Consumer<H> {
  readonly handlers: H;
  readonly concurrency: number;
  running: number;
  closed: boolean;
  /** Called when no message is being handled any more. */
  onIdle: (() => void)[];
}

export interface TopicLimits {
  maxQueued: number;
  maxRemembered: number;
}

export class Topic<H, M> {
  readonly consumers: Consumer<H>[] = [];
  readonly #queue = new Fifo<M>();
  readonly #acceptedIds = new Set<string>();
  readonly #limits: TopicLimits;

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  /** The free consumer with the fewest messages in progress. */
  free(): Consumer<H> | undefined {
    let best: Consumer<H> | undefined;
    for (const consumer of this.consumers) {
      if (
        consumer.running < consumer.concurrency &&
        (best === undefined || consumer.running < best.running)
      )
        best = consumer;
    }
    return best;
  }

  /** Adds the message to the queue; returns false when that is full. */
  enqueue(message: M): boolean {
    if (this.#queue.size >= this.#limits.maxQueued) return false;
    this.#queue.push(message);
    return true;
  }

  dequeue(): M | undefined {
    return this.#queue.shift();
  }

  /**
   * Remembers a cast's id; returns false if it is known: the cast was accepted before. Beyond the
   * bound the oldest id is forgotten.
   */
  remember(messageId: string): boolean {
    if (this.#acceptedIds.has(messageId)) return false;
    this.#acceptedIds.add(messageId);
    if (this.#acceptedIds.size > this.#limits.maxRemembered) {
      const [oldest] = this.#acceptedIds;
      if (oldest !== undefined) this.#acceptedIds.delete(oldest);
    }
    return true;
  }

  /** Forgets the id of a cast that was not handled, so that the sender may send it again. */
  forget(messageId: string): void {
    this.#acceptedIds.delete(messageId);
  }
}

/** A queue with constant-time push and shift; Array.shift is linear in the length. */
class Fifo<M> {
  #items: (M | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: M): void {
    this.#items.push(item);
  }

  shift(): M | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
