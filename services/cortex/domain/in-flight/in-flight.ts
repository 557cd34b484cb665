// Hosts that decisions have chosen and whose claims Placement does not show yet, kept as
// reservations of the fleet, so that the next decision counts them as used. Each has an owner (a
// server, or a place in a batch), and ends when the claim is seen, when its owner is decided anew
// or gives up, or after a time. It only steers decisions: what books a host is the claim in
// Placement.
import type { Fleet } from '../fleet/fleet.ts';
import type { PlacementRequest } from '../request/placement-request.ts';

export interface InFlightConfig {
  /** A choice whose claim is not seen within this time is dropped. */
  inFlightMs: number;
  /** Limit of choices held; beyond it the oldest is dropped. */
  mostInFlight: number;
}

/** One choice, as Cortex's processes send it to each other. */
export interface InFlightChoice {
  /** A server's id, or the name of a place in a batch. */
  owner: string;
  host: string;
  /** Amounts by resource class. */
  resources: Readonly<Record<string, number>>;
  /** The id of the owner's server group; null: it is in none. */
  group: string | null;
}

interface HeldChoice {
  host: string;
  endsAtMs: number;
}

const reservationOf = (owner: string): string => `in-flight/${owner}`;

export class InFlight {
  readonly #fleet: Fleet;
  readonly #config: InFlightConfig;
  /** By owner, in the order in which they end. */
  readonly #choices = new Map<string, HeldChoice>();
  readonly #ownersOn = new Map<string, Set<string>>();

  constructor(fleet: Fleet, config: InFlightConfig) {
    this.#fleet = fleet;
    this.#config = config;
  }

  get size(): number {
    return this.#choices.size;
  }

  /** Replaces the owner's earlier choice, if any. */
  hold({ owner, host, resources, group }: InFlightChoice, nowMs: number): void {
    this.release(owner);
    const [oldest] = this.#choices.keys();
    if (this.#choices.size >= this.#config.mostInFlight && oldest !== undefined)
      this.release(oldest);
    this.#choices.set(owner, { host, endsAtMs: nowMs + this.#config.inFlightMs });
    this.#ownersOn.set(host, (this.#ownersOn.get(host) ?? new Set()).add(owner));
    this.#fleet.applyReservation({
      id: reservationOf(owner),
      type: 'InFlightReservation',
      ready: true,
      hosts: [host],
      held: resources,
      servers: [owner],
      ...(group !== null && { group }),
    });
  }

  /** Releases the choice of an owner. No effect if the owner holds nothing. */
  release(owner: string): void {
    const choice = this.#choices.get(owner);
    if (!choice) return;
    this.#choices.delete(owner);
    const owners = this.#ownersOn.get(choice.host);
    owners?.delete(owner);
    if (owners?.size === 0) this.#ownersOn.delete(choice.host);
    this.#fleet.removeReservation(reservationOf(owner));
  }

  /** Drops choices whose time is over. Called before each decision. */
  releaseEnded(nowMs: number): void {
    for (const [owner, { endsAtMs }] of this.#choices) {
      // If the clock was set back, the remaining choices end early rather than late.
      if (endsAtMs > nowMs && endsAtMs - nowMs <= this.#config.inFlightMs) return;
      this.release(owner);
    }
  }

  /** The host that the owner holds; undefined: none. */
  hostOf(owner: string): string | undefined {
    return this.#choices.get(owner)?.host;
  }

  isOn(host: string): boolean {
    return this.#ownersOn.has(host);
  }

  /**
   * Releases what `consumers` hold on the host: their claims there have been seen, so it is
   * allocated now.
   */
  noteClaims(host: string, consumers: Iterable<string>): void {
    const owners = this.#ownersOn.get(host);
    if (owners) for (const consumer of consumers) if (owners.has(consumer)) this.release(consumer);
  }
}

export const choiceOf = (
  owner: string,
  host: string,
  { resources, group }: PlacementRequest,
): InFlightChoice => ({
  owner,
  host,
  resources: Object.fromEntries(resources),
  group: group?.id || null,
});
