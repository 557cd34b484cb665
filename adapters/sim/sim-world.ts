// The state of a simulated host: plain data that outlives the driver. Kept in memory, or as one
// JSON file.
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
  /** When it was started last; 0 while off. */
  bootedAtMs: number;
  boots: number;
  rescue: { imageIds: string[] } | null;
  /** Ports of its interfaces, in order; missing in files of an earlier release. */
  nics?: string[];
  /**
   * What is on its own disk: a value that is made with the disk and goes where the disk goes.
   * Missing in files of an earlier release.
   */
  disk?: string;
  /** Its disks are offered to another host. */
  offer?: { key: string; untilMs: number } | null;
  /** It has no disk of its own to boot from. */
  rootless?: boolean;
  /**
   * Its volumes, in order, with the image that is written to; missing in files of an earlier
   * release.
   */
  volumes?: { id: string; device: string; image: string; sizeGib: number }[];
  /** It is moving to another host; `token`: of the preparation there. */
  departing?: {
    host: string;
    token: string;
    startedAtMs: number;
    completionTimeoutMs: number;
    timeoutAction: 'abort' | 'force_complete';
    isForced?: boolean;
  };
  /** The arrival with which its last migration out of here was begun. */
  lastDeparture?: string;
  /** How its last migration ended that left it here. */
  departureEnded?: { reason: string; aborted: boolean };
  /** It changes its memory faster than a migration sends it. */
  isRestless?: boolean;
}

/** What a host's BMC keeps. Missing in files of an earlier release. */
export interface SimChassis {
  /** Its BMC was told to keep it off. */
  isOrderedOff: boolean;
  /** It has lost its power, or died, without an order. */
  isDead: boolean;
  boots: number;
  bootOverride: BootOverride;
  log: BmcEvent[];
  receivers: EventReceiver[];
}

/** One simulated host. `images`: id to the time of its last use. */
export interface SimHost {
  chassis?: SimChassis;
  guests: Map<string, SimGuest>;
  images: Map<string, number>;
  /** Guests that will move in, with the token of the preparation for each. */
  awaited?: Map<string, string>;
  /** Guests that have left; whoever awaits one of them has it. */
  outbox?: { host: string; token: string; guest: SimGuest }[];
}

/** Hosts by name, shared by successive drivers, as real hosts outlive their agents. */
export type SimWorld = Map<string, SimHost>;

/** Where a host's state is stored; `save` is called after each change. */
export interface SimStore {
  load(hostname: string): SimHost;
  save(hostname: string, host: SimHost): void;
  /** The host is gone for good. */
  remove(hostname: string): void;
  /** The other hosts of its world, as they are now. */
  others(hostname: string): SimHost[];
  /** Another host as it is now. */
  look(hostname: string): SimHost | undefined;
}

export function inMemoryStore(world: SimWorld = new Map()): SimStore {
  return {
    load: (hostname) => {
      let host = world.get(hostname);
      if (!host) world.set(hostname, (host = { guests: new Map(), images: new Map() }));
      return host;
    },
    save: () => undefined, // the map holds the same object
    remove: (hostname) => void world.delete(hostname),
    others: (hostname) => [...world].flatMap(([name, host]) => (name === hostname ? [] : [host])),
    look: (hostname) => world.get(hostname),
  };
}

/**
 * One JSON file for each host in `folder`, written under another name and renamed: a kill at any
 * moment leaves the state before or after. Synchronous on purpose: a change is on disk before the
 * driver answers, as with a real domain.
 */
export function fileStore(folder: string): SimStore {
  // of this store: a host's driver and its BMC change the same object
  const loaded = new Map<string, SimHost>();
  const fileOf = (hostname: string) => path.join(folder, `${hostname}.json`);
  const read = (hostname: string): SimHost | undefined => {
    try {
      // written by `save`
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
    look: read,
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
