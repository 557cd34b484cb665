// Binds ports to simulated hosts, in place of ovn-controller: a port is bound as soon as its
// `requested-chassis` is a simulated host.
import type { Clock } from '#platform/clock.ts';
import {
  ownerOf,
  type PortBinding,
  type SdnKey,
  type SdnListeners,
  type SdnOwner,
  type SdnRow,
} from '#ports/sdn.ts';

export interface Plugging {
  /** Sets all rows, as `Sdn.sync` does. */
  take(rows: Iterable<SdnRow>): void;
  /** Adds and removes rows, as `Sdn.change` does. */
  change(put: readonly SdnRow[], remove: readonly (SdnKey | SdnOwner)[]): void;
  binding(port: string): PortBinding | null;
  close(): void;
}

interface Plugged extends PortBinding {
  readonly key: string;
}

export function createPlugging(
  chassisNames: ReadonlySet<string>,
  clock: Clock,
  listeners: Pick<SdnListeners, 'portChanged'>,
): Plugging {
  const ports = new Map<string, Plugged>();
  const ending = new AbortController();
  const emit = (port: string): void => {
    void clock.sleep(0, { signal: ending.signal, unref: true }).then(
      () => listeners.portChanged?.(port, bindingOf(port)),
      () => undefined,
    ); // aborted by `close`
  };
  const bindingOf = (port: string): PortBinding | null => {
    const plug = ports.get(port);
    return plug ? { port, chassis: plug.chassis, up: plug.up } : null;
  };
  const put = (rows: Iterable<SdnRow>): Set<string> => {
    const names = new Set<string>();
    for (const row of rows) {
      if (row.table !== 'Logical_Switch_Port') continue;
      const port = row.columns.name ?? row.key;
      names.add(port);
      // Only the first chassis counts; the others are destinations of a migration.
      const [wanted = ''] = (row.columns.options?.['requested-chassis'] ?? '').split(',');
      const now: Plugged = {
        key: row.key,
        port,
        chassis: chassisNames.has(wanted) ? wanted : null,
        up: chassisNames.has(wanted),
      };
      const was = ports.get(port);
      ports.set(port, now);
      if (was?.chassis !== now.chassis) emit(port);
    }
    return names;
  };
  const drop = (isGone: (plugged: Plugged) => boolean): void => {
    for (const [port, plugged] of ports) if (isGone(plugged) && ports.delete(port)) emit(port);
  };
  return {
    take(rows) {
      const names = put(rows);
      drop(({ port }) => !names.has(port));
    },
    change(rows, remove) {
      const names = put(rows);
      const [keys, owners] = [new Set<string>(), new Set<string>()];
      for (const each of remove) {
        if ('owner' in each) owners.add(each.owner);
        else if (each.table === 'Logical_Switch_Port') keys.add(each.key);
      }
      if (keys.size + owners.size > 0)
        drop(({ port, key }) => !names.has(port) && (keys.has(key) || owners.has(ownerOf(key))));
    },
    binding: bindingOf,
    close: () => ending.abort(),
  };
}

/** The names as a Set; a given Set itself, not a copy, since its owner changes it later. */
export const asSet = (names: readonly string[] | Set<string>): Set<string> =>
  names instanceof Set ? names : new Set(names);
