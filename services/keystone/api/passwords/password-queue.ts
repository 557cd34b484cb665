// A fair queue for password hashing, which is expensive. Round-robin over source addresses, and
// over users within a source, so that a flood of logins delays others by one turn only. Waiting
// requests are bounded per source and in total.
import { fault, isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';

/** For whom the work is done: source address, and user. */
export interface Turn {
  source: string;
  user: string;
}

export interface QueueBounds {
  maxConcurrent: number;
  maxWaiting: number;
  maxWaitingPerSource: number;
}

interface Waiter {
  /** undefined: it is this waiter's turn. A fault: it was refused. */
  resolve(refusal: Fault | undefined): void;
}

interface Source {
  waiting: number;
  /** In the order in which they get their turn. */
  users: Map<string, Waiter[]>;
}

export class PasswordQueue {
  readonly #bounds: QueueBounds;
  /** In the order of their turns: the first is served next, and then moves to the end. */
  readonly #sources = new Map<string, Source>();
  #running = 0;
  #waiting = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  /**
   * Runs `work` when its turn comes. tooManyRequests: this source has too many waiting already;
   * unavailable: all sources together have. Both carry Retry-After.
   */
  async run<T>(turn: Turn, work: () => Promise<T>): Promise<Outcome<T>> {
    if (this.#running >= this.#bounds.maxConcurrent) {
      const refusal = await this.#wait(turn); // the finishing work hands its slot over
      if (isFault(refusal)) return refusal;
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#next();
      if (next) next.resolve(undefined);
      else this.#running -= 1;
    }
  }

  async #wait({ source, user }: Turn): Promise<Fault | undefined> {
    const own = this.#sources.get(source)?.waiting ?? 0;
    if (own >= this.#bounds.maxWaitingPerSource)
      return this.#refusal(
        'tooManyRequests',
        'Too many passwords from this address wait to be checked.',
      );
    if (this.#waiting >= this.#bounds.maxWaiting && !this.#makeWay(own))
      return this.#refusal('unavailable', 'Too many passwords wait to be checked.');
    return await new Promise((resolve) => {
      const queued = this.#sources.get(source) ?? {
        waiting: 0,
        users: new Map<string, Waiter[]>(),
      };
      this.#sources.set(source, queued);
      queued.users.set(user, [...(queued.users.get(user) ?? []), { resolve }]);
      queued.waiting += 1;
      this.#waiting += 1;
    });
  }

  /**
   * Makes room in a full queue: refuses the last waiter of the source with the most waiters, if
   * that source has more than the newcomer's would have. Returns false if there is no such source.
   */
  #makeWay(own: number): boolean {
    const [name, largest] = [...this.#sources].reduce((a, b) =>
      b[1].waiting > a[1].waiting ? b : a,
    );
    if (largest.waiting <= own + 1) return false;
    const [user, waiters] = [...largest.users].reduce((a, b) =>
      b[1].length > a[1].length ? b : a,
    );
    const last = waiters.pop();
    if (waiters.length === 0) largest.users.delete(user);
    this.#left(name, largest);
    last?.resolve(this.#refusal('unavailable', 'Too many passwords wait to be checked.'));
    return true;
  }

  #next(): Waiter | undefined {
    const [first] = this.#sources;
    if (!first) return undefined;
    const [name, source] = first;
    const [[user, waiters] = ['', []]] = source.users;
    const waiter = waiters.shift();
    source.users.delete(user);
    if (waiters.length > 0) source.users.set(user, waiters);
    this.#sources.delete(name);
    this.#sources.set(name, source);
    this.#left(name, source);
    return waiter;
  }

  #left(name: string, source: Source): void {
    source.waiting -= 1;
    this.#waiting -= 1;
    if (source.waiting === 0) this.#sources.delete(name);
  }

  #refusal(kind: 'tooManyRequests' | 'unavailable', message: string): Fault {
    // Assumes about 20 hashes a second per slot.
    const seconds = 1 + Math.floor(this.#waiting / (20 * this.#bounds.maxConcurrent));
    return fault(kind, message, { retryAfter: String(seconds) });
  }
}
