// What the modules of this driver share: one libvirt daemon, one state folder, one lock for each
// guest. Created by `libvirt-hypervisor.ts`.
import type { Outcome } from '#contracts/common/fault.ts';
import type { KeyedQueue } from '#platform/keyed-queue.ts';
import type { Log } from '#platform/log.ts';
import type { DiskImages } from '#ports/disk-images.ts';
import type { ImageLocks } from '#ports/image-locks.ts';
import type { Domains } from './domains.ts';
import type { GuestEvents } from './guest-events.ts';
import type { HostFolder } from './host-folder.ts';
import type { ImageCache } from './image-cache.ts';
import type { RunningOffer } from './offer-disks.ts';
import type { LibvirtClient } from './rpc/client.ts';
import type { MountedShare } from './volume-xml.ts';

export interface DriverSettings {
  stateDir: string;
  hostIp: string;
  transferAddress: string;
  acceleration: 'kvm' | 'tcg';
  emulator: string;
  arch: string;
  machineType: string;
  cpuModel: string | null;
  configDrive: 'disk' | 'cdrom';
  consoleLogMaxBytes: number;
  userspaceSwitch: boolean;
  mounts: readonly MountedShare[];
}

export interface Driver {
  settings: DriverSettings;
  client: LibvirtClient;
  domains: Domains;
  events: GuestEvents;
  locks: KeyedQueue;
  folder: HostFolder;
  images: ImageCache;
  /** Disks that are being offered to another host, by guest UUID. */
  offers: Map<string, RunningOffer>;
  diskImages: DiskImages;
  imageLocks: ImageLocks | undefined;
  /** Guests that are migrating away, by UUID, with the outcome. */
  departing: Map<string, Promise<Outcome<void>>>;
  diskCache(): Promise<'none' | 'writeback'>;
  log: Log;
  now(): number;
}
