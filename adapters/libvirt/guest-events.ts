// Hands guest events to listeners, and lets a waiter sleep until something happens to one guest.
import type { GuestEvent } from '#contracts/nova/guest.ts';
import type { Log } from '#platform/log.ts';

export class GuestEvents {
  readonly #log: Log;
  readonly #listeners = new Set<(event: GuestEvent) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  emit(event: GuestEvent): void {
    for (const listener of Array.from(this.#listeners)) {
      // a listener may unsubscribe while it is told
      try {
        listener(event);
      } catch (error) {
        this.#log.error(
          { server: event.uuid, error: String(error) },
          'a guest event listener failed',
        );
      }
    }
  }

  subscribe(listener: (event: GuestEvent) => void): () => void {
    const own = (event: GuestEvent) => listener(event); // the same function may subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Resolves at the guest's next event, or after `ms`. Read the state afterwards. */
  next(uuid: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, ms);
      const unsubscribe = this.subscribe((event) => event.uuid === uuid && done());
    });
  }
}
