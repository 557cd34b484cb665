// One resource class of all hosts, as columns by position. Amounts are exact: integers, or binary
// fractions (bytes as MiB).
import type { ResourceFacts } from './host-facts.ts';

/** More than any host has of any class, yet small enough that differences fit into 32 bits. */
export const mostUnits = 2 ** 30;

export class ResourceColumn {
  readonly name: string;
  capacity: Float64Array;
  /** Allocated amounts that the source reports, plus in-flight amounts. */
  used: Float64Array;
  /** The part of `used` that was chosen by decisions whose claims the source does not show yet. */
  inFlight: Float64Array;
  /** Amounts held by all other reservations. */
  reserved: Float64Array;
  /** capacity - used - reserved; may be negative. */
  free: Float64Array;
  /**
   * `free` in whole units, rounded down: an amount fits if it is not greater. `mostUnits` where the
   * capacity is unknown and the host is not to be excluded for it.
   */
  freeUnits: Int32Array;
  /** 1 / capacity; 0 without capacity. */
  perUnit: Float64Array;
  maxUnits: Int32Array;
  /** Whether some host's maximum per server is below its capacity. */
  hasMaxUnits = false;
  /**
   * The capacity of a host that has reported none: 0, or NaN if such a host is not to be excluded.
   */
  readonly #unknown: number;

  constructor(name: string, length: number, unknown: number) {
    this.name = name;
    this.#unknown = unknown;
    this.capacity = new Float64Array(length).fill(unknown);
    this.used = new Float64Array(length);
    this.inFlight = new Float64Array(length);
    this.reserved = new Float64Array(length);
    this.free = new Float64Array(length).fill(unknown);
    this.freeUnits = new Int32Array(length).fill(wholeUnits(unknown));
    this.perUnit = new Float64Array(length);
    this.maxUnits = new Int32Array(length).fill(mostUnits);
  }

  assign(host: number, facts: ResourceFacts | undefined): void {
    const capacity = facts?.capacity ?? this.#unknown;
    const maxUnit = Math.min(facts?.maxUnit ?? mostUnits, mostUnits);
    this.capacity[host] = capacity;
    this.perUnit[host] = capacity > 0 ? 1 / capacity : 0;
    this.maxUnits[host] = maxUnit;
    if (maxUnit < capacity) this.hasMaxUnits = true;
    this.setUsed(host, facts?.used ?? 0);
  }

  /**
   * Sets the used amount of a host to `reportedAmount`, which the source reports, plus the
   * in-flight amounts.
   */
  setUsed(host: number, reportedAmount: number): void {
    this.used[host] = reportedAmount + (this.inFlight[host] ?? 0);
    this.#refresh(host);
  }

  addInFlight(host: number, amount: number): void {
    this.inFlight[host] = (this.inFlight[host] ?? 0) + amount;
    this.used[host] = (this.used[host] ?? 0) + amount;
    this.#refresh(host);
  }

  addReserved(host: number, amount: number): void {
    this.reserved[host] = (this.reserved[host] ?? 0) + amount;
    this.#refresh(host);
  }

  grow(length: number): void {
    const larger = (column: Float64Array, rest: number): Float64Array => {
      const copy = new Float64Array(length).fill(rest);
      copy.set(column);
      return copy;
    };
    const largerUnits = (column: Int32Array, rest: number): Int32Array => {
      const copy = new Int32Array(length).fill(rest);
      copy.set(column);
      return copy;
    };
    this.capacity = larger(this.capacity, this.#unknown);
    this.used = larger(this.used, 0);
    this.inFlight = larger(this.inFlight, 0);
    this.reserved = larger(this.reserved, 0);
    this.free = larger(this.free, this.#unknown);
    this.freeUnits = largerUnits(this.freeUnits, wholeUnits(this.#unknown));
    this.perUnit = larger(this.perUnit, 0);
    this.maxUnits = largerUnits(this.maxUnits, mostUnits);
  }

  #refresh(host: number): void {
    const free = (this.capacity[host] ?? 0) - (this.used[host] ?? 0) - (this.reserved[host] ?? 0);
    this.free[host] = free;
    this.freeUnits[host] = wholeUnits(free);
  }
}

const wholeUnits = (free: number): number =>
  Number.isNaN(free) ? mostUnits : Math.max(-mostUnits, Math.min(mostUnits, Math.floor(free)));
