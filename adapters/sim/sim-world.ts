// The state of a simulated host: plain data that outlives the driver. Kept in memory, or as one
// JSON file.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GuestState } from '#contracts/nova/guest.ts';

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
  /** It has no disk of its own to boot from. */
  rootless?: boolean;
  /**
   * Its volumes, in order, with the image that is written to; missing in files of an earlier
   * release.
   */
  volumes?: { id: string; device: string; image: string; sizeGib: number }[];
}

/** One simulated host. `images`: id to the time of its last use. */
export interface SimHost {
  guests: Map<string, SimGuest>;
  images: Map<string, number>;
}

/** Hosts by name, shared by successive drivers, as real hosts outlive their agents. */
export type SimWorld = Map<string, SimHost>;

/** Where a host's state is stored; `save` is called after each change. */
export interface SimStore {
  load(hostname: string): SimHost;
  save(hostname: string, host: SimHost): void;
}

export function inMemoryStore(world: SimWorld = new Map()): SimStore {
  return {
    load: (hostname) => {
      let host = world.get(hostname);
      if (!host) world.set(hostname, (host = { guests: new Map(), images: new Map() }));
      return host;
    },
    save: () => undefined, // the map holds the same object
  };
}

/**
 * One JSON file for each host in `folder`, written under another name and renamed: a kill at any
 * moment leaves the state before or after. Synchronous on purpose: a change is on disk before the
 * driver answers, as with a real domain.
 */
export function fileStore(folder: string): SimStore {
  const fileOf = (hostname: string) => path.join(folder, `${hostname}.json`);
  return {
    load: (hostname) => {
      try {
        const saved = JSON.parse(readFileSync(fileOf(hostname), 'utf8')) as {
          guests: SimGuest[];
          images: [string, number][];
        };
        return {
          guests: new Map(saved.guests.map((guest) => [guest.uuid, guest])),
          images: new Map(saved.images),
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT')
          return { guests: new Map(), images: new Map() };
        throw new Error(`state of simulated host ${hostname}`, { cause: error });
      }
    },
    save: (hostname, host) => {
      mkdirSync(folder, { recursive: true });
      const part = `${fileOf(hostname)}.part`;
      writeFileSync(
        part,
        JSON.stringify({ guests: [...host.guests.values()], images: [...host.images] }),
      );
      renameSync(part, fileOf(hostname));
    },
  };
}
