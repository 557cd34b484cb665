// An index: a set of hosts for each name, e.g. for each zone or trait.
import type { HostSet } from './host-set.ts';
import { add, copyWithRoom, isEmpty, remove } from './host-set.ts';

export class NamedHostSets {
  readonly #sets = new Map<string, HostSet>();
  readonly #namesOf: (readonly string[] | undefined)[] = [];
  #words: number;

  constructor(words: number) {
    this.#words = words;
  }

  /** The hosts with this name; undefined: none. */
  of(name: string): HostSet | undefined {
    return this.#sets.get(name);
  }

  names(): IterableIterator<string> {
    return this.#sets.keys();
  }

  namesOf(host: number): readonly string[] {
    return this.#namesOf[host] ?? [];
  }

  /** Puts the host into the sets of exactly these names. */
  assign(host: number, names: readonly string[]): void {
    const before = this.namesOf(host);
    for (const name of before) if (!names.includes(name)) this.#leave(host, name);
    for (const name of names) if (!before.includes(name)) this.#enter(host, name);
    this.#namesOf[host] = names.length > 0 ? [...new Set(names)] : undefined;
  }

  grow(words: number): void {
    this.#words = words;
    for (const [name, set] of this.#sets) this.#sets.set(name, copyWithRoom(set, words));
  }

  #enter(host: number, name: string): void {
    let set = this.#sets.get(name);
    if (!set) {
      set = new Int32Array(this.#words);
      this.#sets.set(name, set);
    }
    add(set, host);
  }

  #leave(host: number, name: string): void {
    const set = this.#sets.get(name);
    if (!set) return;
    remove(set, host);
    if (isEmpty(set)) this.#sets.delete(name);
  }
}
