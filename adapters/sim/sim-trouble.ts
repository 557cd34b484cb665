// Failure injection for simulated drivers: the next calls of a method return a fault, are delayed,
// or end as if the process had been killed.
import { isFault, type Fault, type Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';

/**
 * Thrown instead of an answer, to simulate that the caller's process was killed. Occurs only in
 * simulations.
 */
export class SimCrash extends Error {
  override readonly name = 'SimCrash';
}

export type Trouble =
  | { kind: 'fault'; fault: Fault }
  /** The call takes effect, but its answer is lost, as after a deadline or a broken connection. */
  | { kind: 'lostAnswer'; fault: Fault }
  | { kind: 'delay'; ms: number }
  | { kind: 'crashBefore' }
  | { kind: 'crashAfter' };

export class SimTroubles {
  readonly #next = new Map<string, Trouble[]>();
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #outage: () => Fault | undefined;

  /**
   * Without injected failures at first. `outage`: the fault of every call at present; undefined:
   * none.
   */
  constructor(clock: Pick<Clock, 'sleep'>, outage: () => Fault | undefined) {
    this.#clock = clock;
    this.#outage = outage;
  }

  /** Injects a failure into a later call of the method; several are used up in order. */
  add(method: string, trouble: Trouble): void {
    this.#next.set(method, [...(this.#next.get(method) ?? []), trouble]);
  }

  clear(): void {
    this.#next.clear();
  }

  async around<T>(
    method: string,
    work: () => Promise<Outcome<T>> | Outcome<T>,
  ): Promise<Outcome<T>> {
    const outage = this.#outage();
    if (outage) return outage;
    const trouble = this.#next.get(method)?.shift();
    switch (trouble?.kind) {
      case undefined:
        return work();
      case 'delay':
        await this.#clock.sleep(trouble.ms);
        return work();
      case 'fault':
        return trouble.fault;
      case 'lostAnswer': {
        const outcome = await work();
        return isFault(outcome) ? outcome : trouble.fault;
      }
      case 'crashBefore':
        throw new SimCrash(`before ${method}`);
      case 'crashAfter':
        await work();
        throw new SimCrash(`after ${method}`);
    }
  }
}
