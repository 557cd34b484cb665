// What the Nova Agent needs of one hypervisor. Drivers: adapters/libvirt (libvirt + QEMU) and
// adapters/sim. Every driver passes `hypervisor.testing.ts`. All calls are safe to repeat; none
// keeps state outside the host.
import type { Readable } from 'node:stream';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type {
  GuestState,
  HostFacts,
  GuestImage,
  GuestNic,
  GuestSpec,
  GuestSummary,
  GuestEvent,
  GuestDiagnostics,
  GuestVolume,
} from '#contracts/nova/guest.ts';

/** Opens the image's bytes from the start. Called at most once at a time for each image. */
export type OpenImage = () => Promise<Outcome<Readable>>;

export interface EnsureOptions {
  /**
   * The disk in the image may not be larger than this. Default: as large as the driver can handle.
   */
  maxVirtualBytes?: number;
  /**
   * Nobody waits any more: what the call began ends before it resolves, unless others wait for the
   * same image.
   */
  signal?: AbortSignal;
}

/** A guest's disk as it was at one moment, in a file of its own until `remove`. */
export interface DiskCopy {
  sizeBytes: number;
  open(): Readable;
  /** Again is fine. */
  remove(): Promise<void>;
}

export interface Hypervisor {
  /** Facts, read anew each time. unavailable: the hypervisor does not answer. */
  facts(): Promise<Outcome<HostFacts>>;

  /** Every guest on the host, ours or not. */
  list(): Promise<Outcome<GuestSummary[]>>;

  state(uuid: string): Promise<Outcome<GuestState>>;

  /**
   * Brings the image into the host's cache unless it is there. Concurrent calls share one fetch; a
   * broken copy is never visible. badRequest: the bytes do not match `checksum` or `diskFormat`, or
   * refer to other files; tooLarge; timeout: also when aborted.
   */
  ensureImage(image: GuestImage, open: OpenImage, options?: EnsureOptions): Promise<Outcome<void>>;

  /**
   * Disks (overlays on cached images), config drive, domain, start. Safe to repeat: what exists is
   * kept, a running guest is left alone, a shut off one is started. After a fault nothing is left
   * of a guest that never ran; one that ran keeps its disks. badRequest: the disk is smaller than
   * the image's virtual size. conflict: an image is not in the cache (`ensureImage` first).
   */
  create(spec: GuestSpec): Promise<Outcome<void>>;

  /**
   * As `create`, but the root disk is made anew from the image (each time it is called); name and
   * uuid stay. Starts it unless
   * `start` is false. A badRequest or conflict comes before anything is lost.
   */
  rebuild(spec: GuestSpec, start: boolean): Promise<Outcome<void>>;

  /**
   * Starts a shut off or crashed guest; a suspended one resumes; a running one stays. notFound;
   * conflict: paused.
   */
  start(uuid: string): Promise<Outcome<void>>;

  /**
   * Asks by ACPI (repeatedly) and after `timeoutMs` pulls the plug; 0 = at once. Already off is
   * fine. notFound.
   */
  stop(uuid: string, timeoutMs: number): Promise<Outcome<void>>;

  /**
   * soft: ACPI off and on again, hard after `timeoutMs`; hard: reset now. In every other state:
   * running afterwards, freshly booted. notFound.
   */
  reboot(uuid: string, kind: 'soft' | 'hard', timeoutMs: number): Promise<Outcome<void>>;

  /** Already paused is fine. notFound; conflict: not running. */
  pause(uuid: string): Promise<Outcome<void>>;
  /** Already running is fine. notFound; conflict: neither. */
  unpause(uuid: string): Promise<Outcome<void>>;
  /**
   * Memory to disk, no CPU or memory held afterwards. Already suspended is fine. notFound;
   * conflict: off.
   */
  suspend(uuid: string): Promise<Outcome<void>>;
  /** Undoes `suspend` (and `pause`). Already running is fine. notFound; conflict: off. */
  resume(uuid: string): Promise<Outcome<void>>;

  /**
   * Off at once, then boots `rescue` (its own root disk, the guest's disk second; uuid and name
   * stay the guest's). Again: the rescue system restarts. notFound; badRequest and conflict as in
   * `create`.
   */
  rescue(uuid: string, rescue: GuestSpec): Promise<Outcome<void>>;
  /**
   * Ends the rescue: its disk is removed, the guest's own definition is back and started. Not in
   * rescue: merely started. notFound.
   */
  unrescue(uuid: string): Promise<Outcome<void>>;

  /**
   * Plugs an interface in: at once where the guest runs, and for every later start. One with this
   * port already is left alone. notFound.
   */
  attachNic(uuid: string, nic: GuestNic): Promise<Outcome<void>>;
  /**
   * Unplugs the port's interface, now and for later starts. None is fine. notFound; timeout: the
   * guest does not let go of it.
   */
  detachNic(uuid: string, portId: string): Promise<Outcome<void>>;
  /** The ports whose interfaces the guest has, in its order. notFound. */
  nics(uuid: string): Promise<Outcome<string[]>>;

  /**
   * Plugs a volume in: at once where the guest runs, and for every later start. One that is plugged
   * in already is left alone. notFound; badRequest: this host cannot reach such a volume; conflict:
   * its device name is taken; unavailable: its image cannot be opened.
   */
  attachVolume(uuid: string, volume: GuestVolume): Promise<Outcome<void>>;
  /**
   * Unplugs a volume, now and for later starts; nothing writes to it afterwards. None is fine.
   * notFound; timeout: the guest does not let go of it now, but has lost it at its next start.
   */
  detachVolume(uuid: string, volumeId: string): Promise<Outcome<void>>;
  /** The volumes that the guest has, now or at its next start, in its order. notFound. */
  volumes(uuid: string): Promise<Outcome<string[]>>;
  /**
   * Grows the image of a plugged volume; a running guest sees it at once. Its own size is fine.
   * notFound: no such guest or volume; conflict: it is larger.
   */
  resizeVolume(uuid: string, volumeId: string, sizeGib: number): Promise<Outcome<void>>;
  /**
   * From now on the guest's writes go to `next`, an image that exists already on top of the one
   * they went to; that one is not written any more. File systems are frozen meanwhile where a guest
   * agent answers. Done already is fine. notFound: no such guest or volume.
   */
  snapshotVolume(uuid: string, volumeId: string, next: VolumeConnection): Promise<Outcome<void>>;

  /**
   * Copies the root disk as it is at one moment into a qcow2 image that stands on its own, with
   * holes where the disk is zero, while the guest goes on; file systems are frozen for that moment
   * where a guest agent answers. An earlier copy that nobody removed goes first. notFound: no such
   * guest; conflict: it has no root disk here.
   */
  snapshotRoot(uuid: string): Promise<Outcome<DiskCopy>>;

  /**
   * Where on its PCI bus a running guest finds its devices, e.g. '0000:00:03.0': interfaces by
   * port, disks by device name ('vda'). Those on other buses are left out; a guest that is off has
   * none. notFound.
   */
  pciAddresses(uuid: string): Promise<Outcome<Record<string, string>>>;

  /** Guest, disks, logs: gone; volumes are left as they are. A guest that is not there is fine. */
  destroy(uuid: string): Promise<Outcome<void>>;

  /** The last `maxBytes` of the serial console. '' when there is none yet. notFound. */
  consoleLog(uuid: string, maxBytes: number): Promise<Outcome<string>>;

  /**
   * Where the graphical console listens: RFB over a Unix socket. notFound; conflict: not running;
   * unavailable: this driver has no screens (sim).
   */
  vncSocket(uuid: string): Promise<Outcome<{ socketPath: string }>>;

  /** One guest-agent command. unavailable: no agent answers within `timeoutMs`. */
  agentCommand(
    uuid: string,
    command: string,
    args: unknown,
    timeoutMs: number,
  ): Promise<Outcome<unknown>>;

  /** notFound. A guest that is off shows zeros. */
  diagnostics(uuid: string): Promise<Outcome<GuestDiagnostics>>;

  /**
   * Events until the returned function is called; some may come twice. After a lost connection
   * every guest's state is told. Listener errors never reach the driver.
   */
  onEvent(listener: (event: GuestEvent) => void): () => void;

  /**
   * Removes cached images that are neither in `keepImageIds` nor backing a disk and were unused for
   * `olderThanMs`; and disks and folders of guests that do not exist. Returns what was removed.
   */
  collectGarbage(
    keepImageIds: ReadonlySet<string>,
    olderThanMs: number,
  ): Promise<Outcome<string[]>>;

  /** What lies on this host's disk, for audits. */
  inventory(): Promise<
    Outcome<{ guestFolders: string[]; cachedImages: string[]; brokenOverlays: string[] }>
  >;

  close(): Promise<void>;
}
