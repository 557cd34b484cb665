// The last decisions, for "why is it there" and "why not here": as many as its bound, by server.
// In memory: a restart forgets them.
import type { NoHost } from './explain/no-host-cause.ts';
import type { Pipeline } from './pipeline/build-pipeline.ts';
import type { Decision } from './pipeline/engine.ts';

export interface KeptDecision {
  atMs: number;
  pipeline: Pipeline;
  decision: Decision;
  /** Told at once, since the fleet changes. */
  noHost: NoHost | undefined;
}

export class DecisionLog {
  readonly #most: number;
  /** Oldest first; by the number of the decision. */
  readonly #kept = new Map<number, KeptDecision>();
  readonly #ofServer = new Map<string, number[]>();
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(kept: KeptDecision): void {
    const { serverId } = kept.decision.request;
    this.#kept.set(this.#next, kept);
    this.#ofServer.set(serverId, [...(this.#ofServer.get(serverId) ?? []), this.#next]);
    this.#next += 1;
    if (this.#kept.size > this.#most) this.#forgetOldest();
  }

  /** Newest first. */
  of(serverId: string): KeptDecision[] {
    return (this.#ofServer.get(serverId) ?? [])
      .flatMap((number) => this.#kept.get(number) ?? [])
      .reverse();
  }

  #forgetOldest(): void {
    const [oldest] = this.#kept;
    if (!oldest) return;
    const [number, { decision }] = oldest;
    this.#kept.delete(number);
    const { serverId } = decision.request;
    const rest = (this.#ofServer.get(serverId) ?? []).filter((one) => one !== number);
    if (rest.length > 0) this.#ofServer.set(serverId, rest);
    else this.#ofServer.delete(serverId);
  }
}
