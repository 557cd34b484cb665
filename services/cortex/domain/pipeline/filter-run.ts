// The candidates of one decision while filters remove hosts, and the record of which step removed
// which hosts and why. Only words with candidates left are visited, so that after a filter for a
// small aggregate the others cost little. The arrays are reused for the next decision.
import type { Fleet } from '../fleet/fleet.ts';
import type { HostSet } from '../fleet/host-set.ts';
import { add, sizeOfWord } from '../fleet/host-set.ts';
import { mostUnits } from '../fleet/resource-column.ts';
import type { PlacementRequest } from '../request/placement-request.ts';
import { noRequest } from '../request/placement-request.ts';
import type { Reason } from './reasons.ts';

/** The hosts that one step removed for one reason. Which hosts these are is in the record. */
export interface Removal {
  step: string;
  reason: Reason;
  detail: string;
  hosts: number;
  /** Start of this removal's range in the record: pairs of a word's index and the removed bits. */
  from: number;
  /** End of that range (exclusive). */
  to: number;
}

export class FilterRun {
  readonly fleet: Fleet;
  request: PlacementRequest = noRequest;
  readonly removals: Removal[] = [];
  /** Steps that were skipped because they failed, and why. */
  readonly skipped: { step: string; message: string }[] = [];
  /** What steps in shadow mode would have done. */
  readonly notes: string[] = [];
  step = '';
  #candidates: HostSet = new Int32Array(0);
  /** Indexes of words with candidates, ascending; the first `#activeCount` are valid. */
  #active = new Int32Array(0);
  #activeCount = 0;
  #record = new Int32Array(256);
  #recorded = 0;

  constructor(fleet: Fleet) {
    this.fleet = fleet;
  }

  /** Starts a decision with all present hosts as candidates. */
  begin(request: PlacementRequest): void {
    const { words, present } = this.fleet;
    if (this.#candidates.length !== words) {
      this.#candidates = new Int32Array(words);
      this.#active = new Int32Array(words);
    }
    this.request = request;
    this.#candidates.set(present);
    this.#activeCount = 0;
    for (let word = 0; word < words; word += 1)
      if (present[word] !== 0) this.#active[this.#activeCount++] = word;
    this.removals.length = 0;
    this.skipped.length = 0;
    this.notes.length = 0;
    this.#recorded = 0;
  }

  /** A copy of the record of all removals. */
  takeRecord(): Int32Array {
    return this.#record.slice(0, this.#recorded);
  }

  /** Writes the positions of the remaining candidates, ascending; returns their number. */
  listInto(hosts: Int32Array): number {
    let length = 0;
    for (let at = 0; at < this.#activeCount; at += 1) {
      const word = this.#active[at] ?? 0;
      let bits = this.#candidates[word] ?? 0;
      while (bits !== 0) {
        const lowest = bits & -bits;
        hosts[length++] = (word << 5) + 31 - Math.clz32(lowest);
        bits ^= lowest;
      }
    }
    return length;
  }

  /** Removes all candidates that are not in the set; undefined is the empty set. */
  keep(set: HostSet | undefined, reason: Reason, detail = ''): void {
    const begin = this.#beginRemoval();
    for (let at = 0; at < begin.active; at += 1) {
      const word = this.#active[at] ?? 0;
      this.#takeOut(word, (this.#candidates[word] ?? 0) & ~(set?.[word] ?? 0));
    }
    this.#endRemoval(begin.from, reason, detail);
  }

  /** Removes the candidates in the set. */
  drop(set: HostSet | undefined, reason: Reason, detail = ''): void {
    if (!set) return;
    const begin = this.#beginRemoval();
    for (let at = 0; at < begin.active; at += 1) {
      const word = this.#active[at] ?? 0;
      this.#takeOut(word, (this.#candidates[word] ?? 0) & (set[word] ?? 0));
    }
    this.#endRemoval(begin.from, reason, detail);
  }

  /** Removes candidates one by one by a predicate, for facts that have no column. */
  dropWhere(isOut: (host: number) => boolean, reason: Reason, detail = ''): void {
    const begin = this.#beginRemoval();
    for (let at = 0; at < begin.active; at += 1) {
      const word = this.#active[at] ?? 0;
      let bits = this.#candidates[word] ?? 0;
      let out = 0;
      while (bits !== 0) {
        const lowest = bits & -bits;
        if (isOut((word << 5) + 31 - Math.clz32(lowest))) out |= lowest;
        bits ^= lowest;
      }
      this.#takeOut(word, out);
    }
    this.#endRemoval(begin.from, reason, detail);
  }

  /**
   * Removes hosts with fewer units than `least`. `extra`: additional units of some hosts.
   * Branch-free, since branches would be mispredicted half of the time: the sign of each difference
   * becomes the host's bit.
   */
  dropBelow(
    units: Int32Array,
    least: number,
    reason: Reason,
    detail: string,
    extra?: ReadonlyMap<number, number>,
  ): void {
    const wanted = Math.min(Math.ceil(least), mostUnits) | 0;
    const spared = extra && this.#withEnough(units, wanted, extra);
    const begin = this.#beginRemoval();
    for (let at = 0; at < begin.active; at += 1) {
      const word = this.#active[at] ?? 0;
      const first = word << 5;
      let below = 0;
      for (let bit = 0; bit < 32; bit += 1)
        below |= ((((units[first + bit] ?? 0) - wanted) | 0) >>> 31) << bit;
      below &= ~(spared?.[word] ?? 0);
      this.#takeOut(word, (this.#candidates[word] ?? 0) & below);
    }
    this.#endRemoval(begin.from, reason, detail);
  }

  /** Removes all remaining candidates. */
  dropAll(reason: Reason, detail = ''): void {
    this.keep(undefined, reason, detail);
  }

  #withEnough(units: Int32Array, wanted: number, extra: ReadonlyMap<number, number>): HostSet {
    const set = new Int32Array(this.fleet.words);
    for (const [host, amount] of extra) if ((units[host] ?? 0) + amount >= wanted) add(set, host);
    return set;
  }

  /** Starts a removal: the list of words with candidates is rebuilt while hosts are removed. */
  #beginRemoval(): { active: number; from: number } {
    const active = this.#activeCount;
    this.#activeCount = 0;
    const most = this.#recorded + 2 * active;
    if (most > this.#record.length) {
      const larger = new Int32Array(most * 2);
      larger.set(this.#record);
      this.#record = larger;
    }
    return { active, from: this.#recorded };
  }

  /** Removes candidates of one word and records them; `out`: the bits of those to remove. */
  #takeOut(word: number, out: number): void {
    const left = (this.#candidates[word] ?? 0) & ~out;
    if (out !== 0) {
      this.#record[this.#recorded++] = word;
      this.#record[this.#recorded++] = out;
      this.#candidates[word] = left;
    }
    if (left !== 0) this.#active[this.#activeCount++] = word;
  }

  #endRemoval(from: number, reason: Reason, detail: string): void {
    const to = this.#recorded;
    if (to === from) return;
    let hosts = 0;
    for (let at = from + 1; at < to; at += 2) hosts += sizeOfWord(this.#record[at] ?? 0);
    this.removals.push({ step: this.step, reason, detail, hosts, from, to });
  }
}
