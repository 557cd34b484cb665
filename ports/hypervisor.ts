// What the Nova Agent needs of one hypervisor. Drivers: adapters/libvirt (libvirt + QEMU) and
// adapters/sim. Every driver passes `hypervisor.testing.ts`. All calls are safe to repeat; none
// keeps state outside the host.
import type { Readable } from 'node:stream';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import type {
  GuestState,
  HostFacts,
  DiskOffer,
  GuestImage,
  GuestNic,
  GuestSpec,
  GuestSummary,
  GuestEvent,
  GuestDiagnostics,
  GuestVolume,
} from '#contracts/nova/guest.ts';
import type {
  GuestArrival,
  GuestDeparture,
  MigrationProgress,
  MigrationTerms,
} from '#contracts/nova/live-migration.ts';

/** Opens the image's data from the start. Called at most once at a time for each image. */
export type OpenImage = () => Promise<Outcome<Readable>>;

export interface EnsureOptions {
  /**
   * The disk in the image may not be larger than this. Default: the largest that the driver
   * supports.
   */
  maxVirtualBytes?: number;
  /**
   * Aborted when the caller no longer waits: what the call began ends before it resolves, unless
   * other callers wait for the same image.
   */
  signal?: AbortSignal;
}

/** A guest's disk as it was at one moment, in a file of its own until `remove`. */
export interface DiskCopy {
  sizeBytes: number;
  open(): Readable;
  /** Safe to repeat. */
  remove(): Promise<void>;
}

export interface Hypervisor {
  /** Facts, read again at each call. unavailable: the hypervisor does not answer. */
  facts(): Promise<Outcome<HostFacts>>;

  /** Every guest on the host, ours or not. */
  list(): Promise<Outcome<GuestSummary[]>>;

  state(uuid: string): Promise<Outcome<GuestState>>;

  /**
   * Brings the image into the host's cache unless it is there. Concurrent calls share one download;
   * an incomplete copy is never visible. badRequest: the bytes do not match `checksum` or
   * `diskFormat`, or refer to other files; tooLarge; timeout: also when aborted.
   */
  ensureImage(image: GuestImage, open: OpenImage, options?: EnsureOptions): Promise<Outcome<void>>;

  /**
   * Creates disks (overlays on cached images, or copies of them), config drive and domain, and
   * starts it unless `start` is false. Safe to repeat: disks that exist are kept, a running guest
   * is left alone, one that is off is defined anew and started. After a fault nothing is left of a
   * guest that never ran; one that ran keeps its disks. badRequest: the disk is smaller than the
   * image's virtual size. conflict: an image that is needed is not in the cache (`ensureImage`
   * first).
   */
  create(spec: GuestSpec, start?: boolean): Promise<Outcome<void>>;

  /**
   * Offers the disks of a guest that is off to the host that moves it, read-only, until
   * `withdrawDisks`, for `forMs`, or until the guest is started or this process ends. An earlier
   * offer of them ends. `flat`: with what the root disk is based on. notFound; conflict: it is not
   * off.
   */
  offerDisks(uuid: string, options: { flat: boolean; forMs: number }): Promise<Outcome<DiskOffer>>;
  /** Does nothing if they are not offered. */
  withdrawDisks(uuid: string): Promise<Outcome<void>>;
  /**
   * Copies the offered disks, grows them to the sizes in `spec` and defines the guest, off. What
   * was here of it before is replaced; after a fault nothing of it is here. conflict: it runs here,
   * or an image that a disk is based on is not in the cache; badRequest: the root disk would have
   * to shrink; unavailable: the offer does not answer, or has ended; timeout: also when aborted.
   */
  fetchDisks(spec: GuestSpec, offer: DiskOffer, signal?: AbortSignal): Promise<Outcome<void>>;

  /**
   * As `create`, but recreates the root disk from the image (at each call); name and uuid stay.
   * Starts the guest unless `start` is false. A badRequest or conflict is returned before anything
   * is removed.
   */
  rebuild(spec: GuestSpec, start: boolean): Promise<Outcome<void>>;

  /**
   * Starts a shut off or crashed guest; a suspended one resumes; a running one stays. notFound;
   * conflict: paused.
   */
  start(uuid: string): Promise<Outcome<void>>;

  /**
   * Asks by ACPI (repeatedly) and ends the guest after `timeoutMs`; 0: at once. Does nothing if it
   * is off. notFound.
   */
  stop(uuid: string, timeoutMs: number): Promise<Outcome<void>>;

  /**
   * soft: shutdown by ACPI and start, hard after `timeoutMs`; hard: reset now. In every other
   * state: running afterwards, freshly booted. notFound.
   */
  reboot(uuid: string, kind: 'soft' | 'hard', timeoutMs: number): Promise<Outcome<void>>;

  /** Does nothing if it is paused. notFound; conflict: not running. */
  pause(uuid: string): Promise<Outcome<void>>;
  /** Does nothing if it is running. notFound; conflict: neither. */
  unpause(uuid: string): Promise<Outcome<void>>;
  /**
   * Saves the memory to disk; holds no CPU or memory afterwards. Does nothing if it is suspended.
   * notFound; conflict: off.
   */
  suspend(uuid: string): Promise<Outcome<void>>;
  /** Undoes `suspend` (and `pause`). Does nothing if it is running. notFound; conflict: off. */
  resume(uuid: string): Promise<Outcome<void>>;

  /**
   * Ends the guest at once, then boots `rescue` (its own root disk, the guest's disk second; uuid
   * and name stay the guest's). If repeated, the rescue system restarts. notFound; badRequest and
   * conflict as in `create`.
   */
  rescue(uuid: string, rescue: GuestSpec): Promise<Outcome<void>>;
  /**
   * Ends the rescue: removes its disk, restores the guest's own definition and starts it. A guest
   * that is not in rescue is only started. notFound.
   */
  unrescue(uuid: string): Promise<Outcome<void>>;

  /**
   * Attaches an interface: at once if the guest runs, and for every later start. Does nothing if it
   * is attached. notFound.
   */
  attachNic(uuid: string, nic: GuestNic): Promise<Outcome<void>>;
  /**
   * Detaches the port's interface, now and for later starts. Does nothing if it is not attached.
   * notFound; timeout: the guest does not release it.
   */
  detachNic(uuid: string, portId: string): Promise<Outcome<void>>;
  /** The ports of the guest's interfaces, in its order. notFound. */
  nics(uuid: string): Promise<Outcome<string[]>>;

  /**
   * Attaches a volume: at once if the guest runs, and for every later start. Does nothing if it is
   * attached. notFound; badRequest: this host cannot reach such a volume; conflict: its device name
   * is in use; unavailable: its image cannot be opened.
   */
  attachVolume(uuid: string, volume: GuestVolume): Promise<Outcome<void>>;
  /**
   * Detaches a volume, now and for later starts; nothing writes to it afterwards. Does nothing if
   * it is not attached. notFound; timeout: the guest does not release it now, but will not have it
   * after its next start.
   */
  detachVolume(uuid: string, volumeId: string): Promise<Outcome<void>>;
  /** The volumes that the guest has, now or at its next start, in its order. notFound. */
  volumes(uuid: string): Promise<Outcome<string[]>>;
  /**
   * Grows the image of an attached volume; a running guest sees it at once. Does nothing if it has
   * that size. notFound: no such guest or volume; conflict: it is larger.
   */
  resizeVolume(uuid: string, volumeId: string, sizeGib: number): Promise<Outcome<void>>;
  /**
   * Redirects the guest's writes to `next`, an existing image on top of the current one, which is
   * not written to any more. File systems are frozen meanwhile if a guest agent answers. Does
   * nothing if it was done before. notFound: no such guest or volume.
   */
  snapshotVolume(uuid: string, volumeId: string, next: VolumeConnection): Promise<Outcome<void>>;

  /**
   * Copies the root disk as of one moment, while the guest runs, into a qcow2 image without a
   * backing file, with holes where the disk is zero; file systems are frozen for that moment if a
   * guest agent answers. An earlier copy that was not removed is replaced. notFound: no such guest;
   * conflict: it has no root disk here.
   */
  snapshotRoot(uuid: string): Promise<Outcome<DiskCopy>>;

  /**
   * Ends the locks that the guest holds on its volumes from `otherHost`, which must be fenced:
   * down, or cut off by an operator. Does nothing where there are none. unavailable, timeout: the
   * filer does not answer.
   */
  breakLocks(spec: GuestSpec, otherHost: string): Promise<Outcome<void>>;

  /**
   * The PCI addresses of a running guest's devices, e.g. '0000:00:03.0': interfaces by port, disks
   * by device name ('vda'). Devices on other buses are left out; a guest that is off has none.
   * notFound.
   */
  pciAddresses(uuid: string): Promise<Outcome<Record<string, string>>>;

  /** What its destination must know of a guest. notFound; conflict: neither running nor paused. */
  departure(uuid: string): Promise<Outcome<GuestDeparture>>;
  /**
   * Prepares this host for a guest that will move in: compares CPUs and creates the files that the
   * guest needs here. Does nothing where they exist. badRequest: this host cannot run it, or cannot
   * reach a volume of it; conflict: an image is not in the cache (`ensureImage` first), or the
   * guest is here already.
   */
  prepareArrival(spec: GuestSpec, departure: GuestDeparture): Promise<Outcome<GuestArrival>>;
  /** Removes what `prepareArrival` made. conflict: the guest is here. Safe to repeat. */
  abandonArrival(uuid: string): Promise<Outcome<void>>;
  /**
   * Moves a running or paused guest, with its local disks, and returns when it has left. An
   * arrival serves one migration: conflict for a second one. Joins a
   * migration that is under way, also one that an earlier process began: the hypervisor has the
   * truth. Does nothing if there is no such guest (any more). Afterwards the guest is here or
   * there, never both; after a fault it is here, unless the fault is timeout or unavailable: then
   * ask both hosts. conflict: aborted (detail `aborted`), or off.
   */
  migrate(uuid: string, terms: MigrationTerms): Promise<Outcome<void>>;
  /** null: no migration of the guest out of this host is under way. */
  migrationProgress(uuid: string): Promise<Outcome<MigrationProgress | null>>;
  /** The guest stays. conflict: no migration is under way, or it cannot be stopped any more. */
  abortMigration(uuid: string): Promise<Outcome<void>>;
  /**
   * Completes a migration whatever it costs the guest: by `permitPostCopy`, else by a pause until
   * all is sent. Safe to repeat. conflict: no migration is under way.
   */
  completeMigration(uuid: string, options: { postCopy: boolean }): Promise<Outcome<void>>;
  /** `arriving`: its memory is still on the way, and it runs on the other host. */
  arrivalState(uuid: string): Promise<Outcome<'absent' | 'arriving' | 'arrived'>>;
  /**
   * The guest has moved in, and the other host has let go of its volumes: this host takes their
   * locks. Safe to repeat. notFound: it is not here; conflict: it has not arrived yet, or another
   * has a lock.
   */
  settleArrival(uuid: string): Promise<Outcome<void>>;
  /**
   * The guest runs elsewhere: removes what is left of it here, and lets go of its volumes. Safe to
   * repeat. conflict: it runs here.
   */
  forgetDeparted(uuid: string): Promise<Outcome<void>>;

  /**
   * Removes guest, disks and logs; volumes are left as they are. Does nothing if it does not exist.
   */
  destroy(uuid: string): Promise<Outcome<void>>;

  /** The last `maxBytes` of the serial console. '' when there is none yet. notFound. */
  consoleLog(uuid: string, maxBytes: number): Promise<Outcome<string>>;

  /**
   * The Unix socket of the graphical console, which speaks RFB. notFound; conflict: not running;
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

  /** notFound. All zero for a guest that is off. */
  diagnostics(uuid: string): Promise<Outcome<GuestDiagnostics>>;

  /**
   * Reports events until the returned function is called; some may come twice. After a lost
   * connection every guest's state is reported. Listener errors never reach the driver.
   */
  onEvent(listener: (event: GuestEvent) => void): () => void;

  /**
   * Removes cached images that are neither in `keepImageIds` nor back a disk and were not used for
   * `olderThanMs`, and disks and folders of guests that do not exist. Returns what was removed.
   */
  collectGarbage(
    keepImageIds: ReadonlySet<string>,
    olderThanMs: number,
  ): Promise<Outcome<string[]>>;

  /** What is on this host's disk, for audits. */
  inventory(): Promise<
    Outcome<{ guestFolders: string[]; cachedImages: string[]; brokenOverlays: string[] }>
  >;

  close(): Promise<void>;
}
