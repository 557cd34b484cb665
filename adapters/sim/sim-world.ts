// The state of a simulated host: plain data that outlive its drivers, in memory or as one JSON
// file.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GuestState } from '#contracts/nova/guest.ts';
import type { BmcEvent, BootOverride, EventReceiver } from '#ports/bmc.ts';

export interface SimGuest {
  uuid: string;
  name: string;
  displayName: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  imageIds: string[];
  state: Exclude<GuestState, 'absent'>;
  /** When the guest was started last, ms since the epoch; 0 while off. */
  bootedAtMs: number;
  boots: number;
  rescue: { imageIds: string[] } | null;
  /** Port ids of its interfaces, in order; missing in files of an earlier release. */
  nics?: string[];
  /**
   * Stands for the content of the guest's own disk: a value created with the disk, which moves with
   * it. Missing in files of an earlier release.
   */
  disk?: string;
  /** Set while its disks are offered to another host. */
  offer?: { key: string; untilMs: number } | null;
  /** The guest has no local disk to boot from. */
  rootless?: boolean;
  /**
   * Its volumes, in order; `image` is the file that is written to. Missing in files of an earlier
   * release.
   */
  volumes?: { id: string; device: string; image: string; sizeGib: number }[];
  /** Set while it migrates to another host. `token` identifies the arrival prepared there. */
  departing?: {
    host: string;
    token: string;
    startedAtMs: number;
    completionTimeoutMs: number;
    timeoutAction: 'abort' | 'force_complete';
    isForced?: boolean;
  };
  /** Token of the arrival with which its last migration out of this host began. */
  lastDeparture?: string;
  /** How its last migration ended, if it stayed on this host. */
  departureEnded?: { reason: string; aborted: boolean };
  /** It changes its memory faster than a migration sends it, so migrations do not converge. */
  isRestless?: boolean;
}

/** The state of a host's BMC. Missing in files of an earlier release. */
export interface SimChassis {
  /** Powered off by order, so the host does not start by itself. */
  isOrderedOff: boolean;
  /** The host lost its power, or died, without an order. */
  isDead: boolean;
  boots: number;
  bootOverride: BootOverride;
  log: BmcEvent[];
  receivers: EventReceiver[];
}

/** One simulated host. `images`: image id to the time of its last use, ms. */
export interface SimHost {
  chassis?: SimChassis;
  guests: Map<string, SimGuest>;
  images: Map<string, number>;
  /** Guests expected from other hosts: the token of the prepared arrival, by guest. */
  awaited?: Map<string, string>;
  /** Guests that have left for another host, which takes them over from here. */
  outbox?: { host: string; token: string; guest: SimGuest }[];
}

/** Hosts by name. Shared by successive drivers, since real hosts outlive their agents, too. */
export type SimWorld = Map<string, SimHost>;

/** Stores the state of hosts; `save` is called after each change. */
export interface SimStore {
  load(hostname: string): SimHost;
  save(hostname: string, host: SimHost): void;
  /** Deletes the state of a host that is removed for good. */
  remove(hostname: string): void;
  /** The other hosts of the store, in their present state. */
  others(hostname: string): SimHost[];
  /** Another host in its present state. */
  hostNamed(hostname: string): SimHost | undefined;
}

export function inMemoryStore(world: SimWorld = new Map()): SimStore {
  return {
    load: (hostname) => {
      let host = world.get(hostname);
      if (!host) world.set(hostname, (host = { guests: new Map(), images: new Map() }));
      return host;
    },
    save: () => undefined, // nothing to do: the map holds the same object
    remove: (hostname) => void world.delete(hostname),
    others: (hostname) => [...world].flatMap(([name, host]) => (name === hostname ? [] : [host])),
    hostNamed: (hostname) => world.get(hostname),
  };
}

/**
 * One JSON file for each host in `folder`, replaced atomically, so that a kill leaves the state
 * before or after a change. Synchronous on purpose: a change is on disk before the driver answers,
 * as with real libvirt domains.
 */
export function fileStore(folder: string): SimStore {
  // Loaded once: a host's hypervisor driver and its BMC must change the same object.
  const loaded = new Map<string, SimHost>();
  const fileOf = (hostname: string) => path.join(folder, `${hostname}.json`);
  const read = (hostname: string): SimHost | undefined => {
    try {
      // Cast: written by `save`.
      const saved = JSON.parse(readFileSync(fileOf(hostname), 'utf8')) as {
        guests: SimGuest[];
        images: [string, number][];
        awaited?: [string, string][];
        outbox?: SimHost['outbox'];
        chassis?: SimChassis;
      };
      return {
        guests: new Map(saved.guests.map((guest) => [guest.uuid, guest])),
        images: new Map(saved.images),
        awaited: new Map(saved.awaited),
        outbox: saved.outbox ?? [],
        ...(saved.chassis ? { chassis: saved.chassis } : {}),
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Error(`state of simulated host ${hostname}`, { cause: error });
    }
  };
  return {
    load(hostname) {
      const host = loaded.get(hostname) ??
        read(hostname) ?? { guests: new Map(), images: new Map() };
      loaded.set(hostname, host);
      return host;
    },
    hostNamed: read,
    remove(hostname) {
      loaded.delete(hostname);
      rmSync(fileOf(hostname), { force: true });
    },
    others: (hostname) =>
      readdirSync(folder).flatMap((file) => {
        const name = path.basename(file, '.json');
        return file.endsWith('.json') && name !== hostname ? (read(name) ?? []) : [];
      }),
    save: (hostname, host) => {
      mkdirSync(folder, { recursive: true });
      const part = `${fileOf(hostname)}.part`;
      writeFileSync(
        part,
        JSON.stringify({
          guests: [...host.guests.values()],
          images: [...host.images],
          awaited: [...(host.awaited ?? [])],
          outbox: host.outbox ?? [],
          chassis: host.chassis,
        }),
      );
      renameSync(part, fileOf(hostname));
    },
  };
}
