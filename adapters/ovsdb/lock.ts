// A lock at the server (RFC 7047, section 4.1.8), asked for anew on each connection: it is lost
// with the connection, and so is its owner's right. `assert(name)` in a transaction makes the
// server check it. Made by `OvsdbClient.lock`.

export class Lock {
  readonly name: string;
  readonly #onChange: (held: boolean) => void;
  readonly #onReleased: () => void;
  #held = false;

  constructor(name: string, onChange: (held: boolean) => void, onReleased: () => void) {
    this.name = name;
    this.#onChange = onChange;
    this.#onReleased = onReleased;
  }

  /** Whether it was ours at the server's last word. */
  get held(): boolean {
    return this.#held;
  }

  /** Gives it back, or leaves the queue for it. */
  release(): void {
    this.set(false);
    this.#onReleased();
  }

  /** Called by the client with the server's word, and when the connection is lost. */
  set(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#onChange(held);
  }
}
