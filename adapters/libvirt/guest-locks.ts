// A lock for each guest: whatever creates or removes a guest's files runs under it, in order of
// arrival.
export class GuestLocks {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(uuid: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(uuid) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => undefined);
    this.#tails.set(uuid, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(uuid) === tail) this.#tails.delete(uuid);
    }
  }
}
