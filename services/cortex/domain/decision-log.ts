// Recent decisions by server, up to a bound, for questions such as "why is it there" and "why not
// here". In memory only: lost at a restart.
import type { NoHost } from './explain/no-host-cause.ts';
import type { Pipeline } from './pipeline/build-pipeline.ts';
import type { Decision } from './pipeline/engine.ts';

export interface LoggedDecision {
  atMs: number;
  pipeline: Pipeline;
  decision: Decision;
  /**
   * Why no host was found, determined at the time of the decision, since the fleet changes;
   * undefined: some host was found.
   */
  noHost: NoHost | undefined;
}

export class DecisionLog {
  readonly #most: number;
  /** By decision number, oldest first. */
  readonly #decisions = new Map<number, LoggedDecision>();
  readonly #ofServer = new Map<string, number[]>();
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(logged: LoggedDecision): void {
    const { serverId } = logged.decision.request;
    this.#decisions.set(this.#next, logged);
    this.#ofServer.set(serverId, [...(this.#ofServer.get(serverId) ?? []), this.#next]);
    this.#next += 1;
    if (this.#decisions.size > this.#most) this.#forgetOldest();
  }

  /** Decisions on a server, newest first. */
  of(serverId: string): LoggedDecision[] {
    return (this.#ofServer.get(serverId) ?? [])
      .flatMap((number) => this.#decisions.get(number) ?? [])
      .reverse();
  }

  #forgetOldest(): void {
    const [oldest] = this.#decisions;
    if (!oldest) return;
    const [number, { decision }] = oldest;
    this.#decisions.delete(number);
    const { serverId } = decision.request;
    const rest = (this.#ofServer.get(serverId) ?? []).filter((one) => one !== number);
    if (rest.length > 0) this.#ofServer.set(serverId, rest);
    else this.#ofServer.delete(serverId);
  }
}
