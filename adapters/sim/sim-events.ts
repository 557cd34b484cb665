// Delivers the guest events of a simulated host to the listeners of its driver.
import type { GuestEvent } from '#contracts/nova/guest.ts';

export class SimEvents {
  readonly #listeners = new Set<(event: GuestEvent) => void>();

  subscribe(listener: (event: GuestEvent) => void): () => void {
    const own = (event: GuestEvent) => listener(event); // a new function, since the same listener may subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Delivers an event in microtasks: asynchronously, like a real daemon's events. */
  readonly emit = (event: GuestEvent): void => {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        try {
          listener(event);
        } catch {
          // The port's contract: a listener's error never reaches the driver.
        }
      });
    }
  };

  clear(): void {
    this.#listeners.clear();
  }
}
