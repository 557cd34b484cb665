// Runs work with the same key one after the other, within this process: for work on one guest, host
// or lock that must not overlap. Between processes a lock is needed too (exclusive-lock.ts, the
// lock keys of sagas).

export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * Runs `work` after all earlier work with this key, in order of arrival; other keys run in
   * parallel. A failure is reported to its own caller only, and the next work runs all the same.
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

  /** Resolves when all work given until now has ended. Never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Number of keys with unfinished work. */
  get size(): number {
    return this.#tails.size;
  }
}
