// A lock at the server (RFC 7047, section 4.1.8). The server releases it when the connection ends,
// so it is requested again on each connection. `assert(name)` in a transaction makes the server
// check it. Created by `OvsdbClient.lock`; the lock of Neutron's OVN writer is in ovn-sdn.ts.

export class Lock {
  readonly name: string;
  readonly #onChange: (isHeld: boolean) => void;
  readonly #onReleased: () => void;
  #isHeld = false;

  constructor(name: string, onChange: (isHeld: boolean) => void, onReleased: () => void) {
    this.name = name;
    this.#onChange = onChange;
    this.#onReleased = onReleased;
  }

  /** Whether this client holds the lock, according to the server's latest message. */
  get held(): boolean {
    return this.#isHeld;
  }

  /** Releases the lock, or leaves its queue. */
  release(): void {
    this.set(false);
    this.#onReleased();
  }

  /** Called by the client with the server's message, and when the connection is lost. */
  set(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    this.#onChange(isHeld);
  }
}
