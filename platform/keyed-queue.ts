// Work by key, one after the other: for what must not overlap itself for one guest, host or lock in
// this process. Between processes a lock is needed as well (exclusive-lock.ts, the sagas' keys).

export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * Runs `work` after all work that was given for this key before, in order of arrival. Other keys
   * do not wait. What fails does so for its caller alone: the next work runs all the same.
   */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const tail = result.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }

  /** Resolves when all work that was given until now has ended. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Keys with work that has not ended. */
  get size(): number {
    return this.#tails.size;
  }
}
