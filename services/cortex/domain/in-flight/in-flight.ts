// What decisions have chosen and Placement does not show yet, as reservations of the fleet: the
// next decision finds it used. Each has an owner, a server or a place of a batch, and ends when the
// claim is seen, when its owner decides anew or gives up, or by itself. It steers decisions and
// promises nothing: what books a host is the claim.
import type { Fleet } from '../fleet/fleet.ts';
import type { PlacementRequest } from '../request/placement-request.ts';

export interface InFlightConfig {
  /** After this a choice whose claim was not seen counts no more. */
  inFlightMs: number;
  /** Beyond these the oldest is forgotten. */
  mostInFlight: number;
}

/** One choice, as processes tell it to each other. */
export interface InFlightChoice {
  /** The server's id, or that of a place of a batch. */
  owner: string;
  host: string;
  /** By resource class. */
  resources: Readonly<Record<string, number>>;
  /** The id of the owner's server group. */
  group: string | null;
}

interface Held {
  host: string;
  endsAtMs: number;
}

const reservationOf = (owner: string): string => `in-flight/${owner}`;

export class InFlight {
  readonly #fleet: Fleet;
  readonly #config: InFlightConfig;
  /** By owner; the one that ends first is first. */
  readonly #held = new Map<string, Held>();
  readonly #ownersOn = new Map<string, Set<string>>();

  constructor(fleet: Fleet, config: InFlightConfig) {
    this.#fleet = fleet;
    this.#config = config;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Replaces what the owner held before. */
  hold({ owner, host, resources, group }: InFlightChoice, nowMs: number): void {
    this.release(owner);
    const [oldest] = this.#held.keys();
    if (this.#held.size >= this.#config.mostInFlight && oldest !== undefined) this.release(oldest);
    this.#held.set(owner, { host, endsAtMs: nowMs + this.#config.inFlightMs });
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

  /** Nothing if it holds nothing. */
  release(owner: string): void {
    const held = this.#held.get(owner);
    if (!held) return;
    this.#held.delete(owner);
    const owners = this.#ownersOn.get(held.host);
    owners?.delete(owner);
    if (owners?.size === 0) this.#ownersOn.delete(held.host);
    this.#fleet.removeReservation(reservationOf(owner));
  }

  /** Before each decision. */
  releaseEnded(nowMs: number): void {
    for (const [owner, { endsAtMs }] of this.#held) {
      // A clock that was set back ends what is left early, instead of late.
      if (endsAtMs > nowMs && endsAtMs - nowMs <= this.#config.inFlightMs) return;
      this.release(owner);
    }
  }

  /** undefined: it holds nothing. */
  hostOf(owner: string): string | undefined {
    return this.#held.get(owner)?.host;
  }

  isOn(host: string): boolean {
    return this.#ownersOn.has(host);
  }

  /** These have claimed something of the host: what they hold there is used by now. */
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
