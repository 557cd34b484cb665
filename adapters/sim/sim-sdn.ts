// The simulated driver of ports/sdn.ts, in memory: keeps the rows as OVN would; its chassis bind
// ports; one of its handles is the writer. For simulations and tests, and (`simulateChassis`) for
// simulated hosts beside a real OVN. Only compose names this driver.
import { fault, isFault, type Outcome } from '#contracts/common/fault.ts';
import type { Clock } from '#platform/clock.ts';
import {
  ownerOf,
  sdnPlaces,
  type Chassis,
  type PortBinding,
  type Sdn,
  type SdnDrift,
  type SdnKey,
  type SdnListeners,
  type SdnOwner,
  type SdnRow,
  type SdnTable,
} from '#ports/sdn.ts';
import { asSet, createPlugging } from './sim-plugging.ts';

export interface SimSdnOptions {
  /**
   * Names of the chassis: ports that request one of them are bound there. Changes of a Set are
   * followed.
   */
  chassis: readonly string[] | Set<string>;
  /** `ovn-bridge-mappings` of every chassis: physical network to bridge. */
  bridgeMappings?: string;
}

/** One simulated network; each process of a simulated cloud opens a handle of its own. */
export interface SimNetwork {
  open(listeners?: SdnListeners): SimSdn;
}

export interface SimSdn extends Sdn {
  /**
   * Simulates a lost and restored connection of this handle: the next handle in the queue becomes
   * the writer.
   */
  loseLock(): void;
  /** The present rows, for tests to inspect. */
  rows(): readonly SdnRow[];
  /** Removes all rows and makes OVN unreachable; after `power(true)` it answers again, empty. */
  lose(): void;
  power(on: boolean): void;
  /** Makes a chassis stop answering, or answer again. */
  chassisAlive(name: string, alive: boolean): void;
  /** Changes rows behind the driver's back. */
  vandalize(work: (rows: Map<string, SdnRow>) => void): void;
}

/** Identifies a row: by table and key, not by its `name` column. */
const nameOf = (row: { table: SdnTable; key: string }): string => `${row.table} ${row.key}`;
const isRoot = (table: SdnTable): boolean =>
  !sdnPlaces[table].some(
    (place) => !place.startsWith('Port_Group.ports') && !place.endsWith('.dns_records'),
  );

/** Makes a simulated network with a single handle. */
export const createSimSdn = (
  options: SimSdnOptions,
  deps: { clock: Clock },
  listeners: SdnListeners = {},
): SimSdn => createSimNetwork(options, deps).open(listeners);

export function createSimNetwork(options: SimSdnOptions, deps: { clock: Clock }): SimNetwork {
  const handles: SdnListeners[] = [];
  /** Handles in the order in which they requested the writers' lock; the first one holds it. */
  let queue: SdnListeners[] = [];
  const leave = (handle: SdnListeners): void => {
    const [before] = queue;
    queue = queue.filter((each) => each !== handle);
    if (before !== handle) return;
    handle.writerChanged?.(false);
    queue[0]?.writerChanged?.(true);
  };
  let rows = new Map<string, SdnRow>();
  let [on, generation] = [true, 0];
  const dead = new Set<string>();
  const generations = new Map<string, number>();
  const chassis = asSet(options.chassis);
  const plugging = createPlugging(chassis, deps.clock, {
    portChanged: (port, binding) => {
      for (const handle of handles) handle.portChanged?.(port, binding);
    },
  });
  const away = (): Outcome<never> => fault('unavailable', 'the simulated network is off');
  const announceReturn = (listeners: SdnListeners): void => {
    listeners.returned?.();
    listeners.bindingsKnown?.();
  };
  const writable = (handle: SdnListeners): Outcome<undefined> => {
    if (!on) return away();
    return queue[0] === handle
      ? undefined
      : fault('unavailable', 'another process writes to the network');
  };

  /**
   * Rows as they would be after the change; a fault if no other row would refer to one that OVN
   * keeps only while it is referred to.
   */
  function planned(
    put: Iterable<SdnRow>,
    isDeleted: (row: SdnRow) => boolean,
  ): Outcome<{ rows: Map<string, SdnRow>; drift: SdnDrift }> {
    const next = new Map(rows);
    const drift = { inserted: 0, updated: 0, deleted: 0 };
    const keptNames = new Set<string>();
    for (const row of put) {
      const name = nameOf(row);
      const existing = next.get(name);
      const merged = existing
        ? ({ ...row, columns: { ...existing.columns, ...row.columns } } as SdnRow)
        : row; // cast: equal `name` means the same table
      if (!existing) drift.inserted += 1;
      else if (!isSame(existing, merged)) drift.updated += 1;
      next.set(name, merged);
      keptNames.add(name);
    }
    for (const [name, row] of next) {
      if (keptNames.has(name) || !isDeleted(row)) continue;
      next.delete(name);
      drift.deleted += 1;
    }
    for (const row of next.values()) {
      const missingParent = (row.in ?? []).find(
        ({ place, key }) => !next.has(`${place.split('.')[0]} ${key}`),
      );
      if (!missingParent) continue;
      if (keptNames.has(nameOf(row)))
        return fault(
          'conflict',
          `${nameOf(row)} hangs on ${missingParent.place} ${missingParent.key}, which is not there`,
        );
      // As OVSDB does: a row of a table that is no root table is deleted with the last row that
      // lists it.
      if (!isRoot(row.table)) next.delete(nameOf(row));
    }
    return { rows: next, drift };
  }

  function take(next: Map<string, SdnRow>): void {
    rows = next;
    plugging.take(rows.values());
  }

  const handleOf = (listeners: SdnListeners): SimSdn => ({
    isWriter: () => queue[0] === listeners,
    async sync(desired) {
      const refusal = writable(listeners);
      if (refusal) return refusal;
      const outcome = planned(desired, () => true);
      if (isFault(outcome)) return outcome;
      take(outcome.rows);
      return outcome.drift;
    },
    async audit(desired) {
      if (!on) return away();
      const outcome = planned(desired, () => true);
      return isFault(outcome) ? outcome : outcome.drift;
    },
    async change(put, remove) {
      const refusal = writable(listeners);
      if (refusal) return refusal;
      const [keys, owners] = splitNames(remove);
      const outcome = planned(put, (row) => keys.has(nameOf(row)) || owners.has(ownerOf(row.key)));
      if (isFault(outcome)) return outcome;
      take(outcome.rows);
      return undefined;
    },
    async askChassis() {
      if (!on) return away();
      generation += 1;
      for (const name of chassis) if (!dead.has(name)) generations.set(name, generation);
      return generation;
    },
    chassis: () =>
      [...chassis].map((name): Chassis => ({
        name,
        hostname: name,
        options: { 'ovn-bridge-mappings': options.bridgeMappings ?? '' },
        generation: generations.get(name) ?? 0,
      })),
    async removeChassis(name) {
      if (!on) return away();
      chassis.delete(name);
      return undefined;
    },
    binding: (port): PortBinding | null => plugging.binding(port),
    close() {
      handles.splice(handles.indexOf(listeners), 1);
      leave(listeners);
      if (handles.length === 0) plugging.close();
    },
    loseLock() {
      leave(listeners);
      queue.push(listeners);
      if (queue[0] === listeners) listeners.writerChanged?.(true);
    },
    rows: () => [...rows.values()],
    lose() {
      on = false;
      take(new Map());
    },
    power(to) {
      on = to;
      if (on) for (const handle of handles) queueMicrotask(() => announceReturn(handle));
    },
    chassisAlive: (name, alive) => void (alive ? dead.delete(name) : dead.add(name)),
    vandalize(work) {
      const next = new Map(rows);
      work(next);
      take(next);
    },
  });
  return {
    open(listeners) {
      const own = { ...listeners };
      handles.push(own);
      queue.push(own);
      queueMicrotask(() => {
        if (queue[0] === own) own.writerChanged?.(true);
        announceReturn(own);
      });
      return handleOf(own);
    },
  };
}

function splitNames(
  remove: readonly (SdnKey | SdnOwner)[],
): [keys: Set<string>, owners: Set<string>] {
  const [keys, owners] = [new Set<string>(), new Set<string>()];
  for (const each of remove) {
    if ('owner' in each) owners.add(each.owner);
    else keys.add(nameOf(each));
  }
  return [keys, owners];
}

function isSame(one: SdnRow, other: SdnRow): boolean {
  return canonical(one) === canonical(other);
}

/** A text of the value that does not depend on the order of maps and sets, for comparison. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).toSorted().join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return `{${Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => `${key}:${canonical(each)}`)
    .toSorted()
    .join()}}`;
}
