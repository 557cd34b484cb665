// A host's hypervisor, as the Nova Agent uses it; the HA Agent and the audit only read guests, and
// compose shuts them down. Drivers: adapters/libvirt (libvirt + QEMU) and adapters/sim. Every
// driver passes `hypervisor.testing.ts`. All calls are idempotent; drivers keep no state outside
// the host.
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

/**
 * Opens the image's data from the start. For each image the driver has at most one such call in
 * progress.
 */
export type OpenImage = () => Promise<Outcome<Readable>>;

export interface EnsureOptions {
  /**
   * Maximum size of the disk in the image, bytes. Default: the largest that the driver supports.
   */
  maxVirtualBytes?: number;
  /**
   * Aborted when the caller no longer waits: the download ends before the call resolves, unless
   * other callers wait for the same image.
   */
  signal?: AbortSignal;
}

/** A copy of a guest's disk as of one moment, in a file of its own that exists until `remove`. */
export interface DiskCopy {
  sizeBytes: number;
  open(): Readable;
  /** Deletes the copy. Safe to repeat. */
  remove(): Promise<void>;
}

export interface Hypervisor {
  /** Facts about the host, read anew at each call. unavailable: the hypervisor does not answer. */
  facts(): Promise<Outcome<HostFacts>>;

  /** Every guest on the host, including guests that this cloud did not create. */
  list(): Promise<Outcome<GuestSummary[]>>;

  state(uuid: string): Promise<Outcome<GuestState>>;

  /**
   * Downloads the image into the host's cache unless it is there. Concurrent calls share one
   * download; an incomplete copy is never visible. badRequest: the bytes do not match `checksum` or
   * `diskFormat`, or refer to other files; tooLarge; timeout: also when aborted.
   */
  ensureImage(image: GuestImage, open: OpenImage, options?: EnsureOptions): Promise<Outcome<void>>;

  /**
   * Creates disks (overlays on cached images, or copies of them), config drive and domain, and
   * starts the guest unless `start` is false. Safe to repeat: existing disks are kept, a running
   * guest is left alone, a guest that is off is defined anew and started. After a fault, a guest
   * that never ran is removed completely; one that ran keeps its disks. badRequest: the disk is
   * smaller than the image's virtual size. conflict: a required image is not in the cache (call
   * `ensureImage` first).
   */
  create(spec: GuestSpec, start?: boolean): Promise<Outcome<void>>;

  /**
   * Offers the disks of a guest that is off, read-only, to the destination of its move. The offer
   * ends by `withdrawDisks`, after `forMs`, when the guest starts, or with this process; a new
   * offer of the guest replaces it. `flat`: include what the root disk is based on. notFound;
   * conflict: the guest is not off.
   */
  offerDisks(uuid: string, options: { flat: boolean; forMs: number }): Promise<Outcome<DiskOffer>>;
  /** Ends the offer of the guest's disks. Does nothing if there is none. */
  withdrawDisks(uuid: string): Promise<Outcome<void>>;
  /**
   * Copies the offered disks to this host, grows them to the sizes in `spec` and defines the guest,
   * off. Replaces what this host had of the guest; after a fault, this host has nothing of it.
   * conflict: the guest runs here, or an image that a disk is based on is not in the cache;
   * badRequest: the root disk would have to shrink; unavailable: the offer does not answer, or has
   * ended; timeout: also when aborted.
   */
  fetchDisks(spec: GuestSpec, offer: DiskOffer, signal?: AbortSignal): Promise<Outcome<void>>;

  /**
   * As `create`, but recreates the root disk from the image at each call; name and uuid stay.
   * Starts the guest unless `start` is false. A badRequest or conflict is returned before anything
   * is removed.
   */
  rebuild(spec: GuestSpec, start: boolean): Promise<Outcome<void>>;

  /**
   * Starts a guest that is shut off or crashed, resumes a suspended one, and leaves a running one
   * alone. notFound; conflict: the guest is paused.
   */
  start(uuid: string): Promise<Outcome<void>>;

  /**
   * Requests a shutdown by ACPI, repeatedly, and powers the guest off after `timeoutMs`; 0: powers
   * it off at once. Does nothing if the guest is off. notFound.
   */
  stop(uuid: string, timeoutMs: number): Promise<Outcome<void>>;

  /**
   * soft: ACPI shutdown and start, and a hard reboot if that takes longer than `timeoutMs`. hard:
   * reset at once. A guest in any other state, e.g. off or paused, boots afresh and runs
   * afterwards. notFound.
   */
  reboot(uuid: string, kind: 'soft' | 'hard', timeoutMs: number): Promise<Outcome<void>>;

  /**
   * Pauses the guest's CPUs. Does nothing if it is paused. notFound; conflict: it is not running.
   */
  pause(uuid: string): Promise<Outcome<void>>;
  /**
   * Continues a paused guest. Does nothing if it is running. notFound; conflict: neither paused nor
   * running.
   */
  unpause(uuid: string): Promise<Outcome<void>>;
  /**
   * Saves the guest's memory to disk and frees its CPUs and memory. Does nothing if it is
   * suspended. notFound; conflict: it is off.
   */
  suspend(uuid: string): Promise<Outcome<void>>;
  /**
   * Continues a suspended (or paused) guest. Does nothing if it is running. notFound; conflict: it
   * is off.
   */
  resume(uuid: string): Promise<Outcome<void>>;

  /**
   * Powers the guest off at once, then boots the definition `rescue`: its own root disk, with the
   * guest's disk as the second; uuid and name stay the guest's. A repeated call restarts the rescue
   * system. notFound; badRequest and conflict as in `create`.
   */
  rescue(uuid: string, rescue: GuestSpec): Promise<Outcome<void>>;
  /**
   * Ends the rescue: removes its disk, restores the guest's own definition and starts it. A guest
   * that is not in rescue is only started. notFound.
   */
  unrescue(uuid: string): Promise<Outcome<void>>;

  /**
   * Attaches an interface, now if the guest runs, and for every later start. Does nothing if it is
   * attached. notFound.
   */
  attachNic(uuid: string, nic: GuestNic): Promise<Outcome<void>>;
  /**
   * Detaches the port's interface, now and for later starts. Does nothing if it is not attached.
   * notFound; timeout: the guest does not release it.
   */
  detachNic(uuid: string, portId: string): Promise<Outcome<void>>;
  /** Port ids of the guest's interfaces, in the guest's order. notFound. */
  nics(uuid: string): Promise<Outcome<string[]>>;

  /**
   * Attaches a volume, now if the guest runs, and for every later start. Does nothing if it is
   * attached. notFound; badRequest: this host cannot reach this kind of volume; conflict: the
   * device name is in use; unavailable: the volume's image cannot be opened.
   */
  attachVolume(uuid: string, volume: GuestVolume): Promise<Outcome<void>>;
  /**
   * Detaches a volume, now and for later starts; once this succeeds the guest cannot write to it.
   * Does nothing if it is not attached. notFound; timeout: the guest does not release the volume
   * now, but will not have it after its next start.
   */
  detachVolume(uuid: string, volumeId: string): Promise<Outcome<void>>;
  /**
   * Ids of the volumes that the guest has, now or at its next start, in the guest's order.
   * notFound.
   */
  volumes(uuid: string): Promise<Outcome<string[]>>;
  /**
   * Grows the image of an attached volume; a running guest sees the new size at once. Does nothing
   * if it has that size. notFound: no such guest or volume; conflict: the image is larger.
   */
  resizeVolume(uuid: string, volumeId: string, sizeGib: number): Promise<Outcome<void>>;
  /**
   * For an online snapshot: redirects the guest's writes to `next`, an existing image whose backing
   * file is the current one; the current one is not written to any more. File systems are frozen
   * meanwhile if a guest agent answers. Does nothing if it was done before. notFound: no such guest
   * or volume.
   */
  snapshotVolume(uuid: string, volumeId: string, next: VolumeConnection): Promise<Outcome<void>>;

  /**
   * Copies the root disk as of one moment, also of a running guest, into a sparse qcow2 image
   * without a backing file. File systems are frozen for that moment if a guest agent answers.
   * Replaces an earlier copy that was not removed. notFound: no such guest; conflict: its root disk
   * is not on this host.
   */
  snapshotRoot(uuid: string): Promise<Outcome<DiskCopy>>;

  /**
   * Releases the locks that the guest holds on its volumes from `otherHost`. That host must be
   * fenced: none of its guests can run, since its BMC has cut its power, its watchdog has ended
   * them, or an operator has confirmed that it is off. Does nothing if there are no such locks.
   * unavailable, timeout: the filer does not answer.
   */
  breakLocks(spec: GuestSpec, otherHost: string): Promise<Outcome<void>>;

  /**
   * The PCI addresses of a running guest's devices, e.g. '0000:00:03.0': interfaces by port, disks
   * by device name ('vda'). Devices on other buses are left out; a guest that is off has none.
   * notFound.
   */
  pciAddresses(uuid: string): Promise<Outcome<Record<string, string>>>;

  /**
   * What the destination of a live migration must know of the guest. notFound; conflict: it is
   * neither running nor paused.
   */
  departure(uuid: string): Promise<Outcome<GuestDeparture>>;
  /**
   * Prepares this host as the destination of a live migration: compares CPUs and creates the files
   * that the guest needs here. Does nothing where they exist. badRequest: this host cannot run the
   * guest, or cannot reach one of its volumes; conflict: an image is not in the cache (call
   * `ensureImage` first), or the guest is here already.
   */
  prepareArrival(spec: GuestSpec, departure: GuestDeparture): Promise<Outcome<GuestArrival>>;
  /** Removes what `prepareArrival` created. Safe to repeat. conflict: the guest is here. */
  abandonArrival(uuid: string): Promise<Outcome<void>>;
  /**
   * Live-migrates a running or paused guest with its local disks; resolves when the guest has left
   * this host. The arrival serves one migration: a second one with it is a conflict. If a migration
   * is under way, also one that an earlier process began, this call waits for it, since the
   * hypervisor's state is what counts. Does nothing if the guest is not here (any more). Afterwards
   * the guest is on exactly one of the hosts; after a fault it is here, unless the fault is timeout
   * or unavailable: then ask both hosts. conflict: aborted (detail `aborted`), or the guest is off.
   */
  migrate(uuid: string, terms: MigrationTerms): Promise<Outcome<void>>;
  /** Progress of the guest's migration out of this host; null if none is under way. */
  migrationProgress(uuid: string): Promise<Outcome<MigrationProgress | null>>;
  /**
   * Aborts the migration: the guest stays here. conflict: none is under way, or it is too late to
   * stop it.
   */
  abortMigration(uuid: string): Promise<Outcome<void>>;
  /**
   * Forces a migration to complete, whatever it costs the guest: by post-copy if `postCopy` is set,
   * else by pausing the guest until everything is sent. Safe to repeat. conflict: no migration is
   * under way.
   */
  completeMigration(uuid: string, options: { postCopy: boolean }): Promise<Outcome<void>>;
  /**
   * State of a guest that migrates to this host. `arriving`: its memory is still being sent, and it
   * runs on the other host.
   */
  arrivalState(uuid: string): Promise<Outcome<'absent' | 'arriving' | 'arrived'>>;
  /**
   * Completes a live migration on the destination: takes the locks of the guest's volumes, which
   * the source has released. Safe to repeat. notFound: the guest is not here; conflict: it has not
   * arrived yet, or another host or guest has a lock.
   */
  settleArrival(uuid: string): Promise<Outcome<void>>;
  /**
   * Cleans up the source once the guest runs elsewhere: removes what is left of it here and
   * releases its volumes' locks. Safe to repeat. conflict: the guest runs here.
   */
  forgetDeparted(uuid: string): Promise<Outcome<void>>;

  /**
   * Removes the guest with its disks and logs, but not its volumes. Does nothing if it does not
   * exist.
   */
  destroy(uuid: string): Promise<Outcome<void>>;

  /** The last `maxBytes` of the serial console's log; '' if there is none yet. notFound. */
  consoleLog(uuid: string, maxBytes: number): Promise<Outcome<string>>;

  /**
   * The Unix socket of the graphical console, which speaks RFB (VNC). notFound; conflict: the guest
   * is not running; unavailable: this driver has no screens (sim).
   */
  vncSocket(uuid: string): Promise<Outcome<{ socketPath: string }>>;

  /** Runs one command of the QEMU guest agent. unavailable: no agent answers within `timeoutMs`. */
  agentCommand(
    uuid: string,
    command: string,
    args: unknown,
    timeoutMs: number,
  ): Promise<Outcome<unknown>>;

  /**
   * A guest's state, uptime, memory, and counters of CPU and disks; uptime, memory in use and
   * counters are 0 if it is off. notFound.
   */
  diagnostics(uuid: string): Promise<Outcome<GuestDiagnostics>>;

  /**
   * Calls the listener for events until the returned function is called; an event may come twice.
   * After a lost connection the state of every guest is reported. The driver catches errors of
   * listeners.
   */
  onEvent(listener: (event: GuestEvent) => void): () => void;

  /**
   * Removes cached images that are not in `keepImageIds`, back no disk and were not used for
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
