// Delivers guest events to listeners, and lets a caller wait for the next event of one guest.
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
      // iterates over a copy: a listener may unsubscribe during the call
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
    const own = (event: GuestEvent) => listener(event); // a new function, since the same listener may subscribe twice
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Resolves at the guest's next event, or after `ms`. The caller reads the state afterwards. */
  next(uuid: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(finish, ms);
      const unsubscribe = this.subscribe((event) => event.uuid === uuid && finish());
    });
  }
}
