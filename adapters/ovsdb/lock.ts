// A lock at the server (RFC 7047, section 4.1.8), requested again on each connection: when the
// connection ends, the lock is lost. With `assert(name)` in a transaction the server checks it.
// Created by `OvsdbClient.lock`; that of Neutron's OVN writer is held in ovn-sdn.ts.

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

  /** Whether this client held it according to the server's latest message. */
  get held(): boolean {
    return this.#held;
  }

  /** Releases it, or leaves its queue. */
  release(): void {
    this.set(false);
    this.#onReleased();
  }

  /** Called by the client with the server's message, and when the connection is lost. */
  set(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#onChange(held);
  }
}
