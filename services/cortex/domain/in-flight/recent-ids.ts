// A bounded set of ids that expire after a time. Remembers which batches have been planned.

export class RecentIds {
  readonly #keptMs: number;
  readonly #most: number;
  /** Oldest first. */
  readonly #addedAtMs = new Map<string, number>();

  constructor(keptMs: number, most: number) {
    this.#keptMs = keptMs;
    this.#most = most;
  }

  add(id: string, nowMs: number): void {
    const [oldest] = this.#addedAtMs.keys();
    if (this.#addedAtMs.size >= this.#most && oldest !== undefined) this.#addedAtMs.delete(oldest);
    this.#addedAtMs.set(id, nowMs);
  }

  has(id: string, nowMs: number): boolean {
    const addedAtMs = this.#addedAtMs.get(id);
    return addedAtMs !== undefined && nowMs - addedAtMs < this.#keptMs;
  }
}
