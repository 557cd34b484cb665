// What the Nova Agent needs of one hypervisor. Drivers: adapters/libvirt (libvirt + QEMU) and adapters/sim.
// Every driver passes `hypervisor.testing.ts`. All calls are safe to repeat; none keeps state outside the host.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';
import type { GuestState, HostFacts, GuestImage, GuestSpec, GuestSummary, GuestEvent, GuestDiagnostics } from '#contracts/nova/guest.ts';

export type { GuestState, HostFacts, GuestImage, GuestSpec, GuestSummary, GuestEvent, GuestDiagnostics } from '#contracts/nova/guest.ts';

/** Opens the image's bytes from the start. Called at most once at a time for each image. */
export type OpenImage = () => Promise<Outcome<Readable>>;

export interface Hypervisor {
  /** Facts, read anew each time. unavailable: the hypervisor does not answer. */
  facts(): Promise<Outcome<HostFacts>>;

  /** Every guest on the host, ours or not. */
  list(): Promise<Outcome<GuestSummary[]>>;

  state(uuid: string): Promise<Outcome<GuestState>>;

  /** Brings the image into the host's cache unless it is there. Concurrent calls share one fetch; a broken copy is never visible. badRequest: the bytes do not match `checksum`. */
  ensureImage(image: GuestImage, open: OpenImage): Promise<Outcome<void>>;

  /**
   * Disks (overlays on cached images), config drive, domain, start. Safe to repeat: what exists is kept, a running guest is left
   * alone. After a fault nothing of the guest is left. badRequest: the disk is smaller than the image's virtual size.
   */
  create(spec: GuestSpec): Promise<Outcome<void>>;

  /** As `create`, but the root disk is made anew from the image; name and uuid stay. Starts it unless `start` is false. */
  rebuild(spec: GuestSpec, start: boolean): Promise<Outcome<void>>;

  /** Starts a shut off guest; a running one stays. notFound. */
  start(uuid: string): Promise<Outcome<void>>;

  /** Asks by ACPI (repeatedly) and after `timeoutMs` pulls the plug; 0 = at once. Already off is fine. notFound. */
  stop(uuid: string, timeoutMs: number): Promise<Outcome<void>>;

  /** soft: ACPI off and on again, hard after `timeoutMs`; hard: reset now. notFound. */
  reboot(uuid: string, kind: 'soft' | 'hard', timeoutMs: number): Promise<Outcome<void>>;

  pause(uuid: string): Promise<Outcome<void>>;
  unpause(uuid: string): Promise<Outcome<void>>;
  /** Memory to disk, no CPU or memory held afterwards. */
  suspend(uuid: string): Promise<Outcome<void>>;
  resume(uuid: string): Promise<Outcome<void>>;

  /** Off, then boots `rescue` (its own root disk, the guest's disk second). */
  rescue(uuid: string, rescue: GuestSpec): Promise<Outcome<void>>;
  /** Ends the rescue: its disk is removed, the guest's own definition is back and started. */
  unrescue(uuid: string): Promise<Outcome<void>>;

  /** Guest, disks, logs: gone. A guest that is not there is fine. */
  destroy(uuid: string): Promise<Outcome<void>>;

  /** The last `maxBytes` of the serial console. '' when there is none yet. notFound. */
  consoleLog(uuid: string, maxBytes: number): Promise<Outcome<string>>;

  /** Where the graphical console listens: RFB over a Unix socket. conflict: not running. */
  vncSocket(uuid: string): Promise<Outcome<{ socketPath: string }>>;

  /** One guest-agent command. unavailable: no agent answers within `timeoutMs`. */
  agentCommand(uuid: string, command: string, args: unknown, timeoutMs: number): Promise<Outcome<unknown>>;

  diagnostics(uuid: string): Promise<Outcome<GuestDiagnostics>>;

  /** Events until the returned function is called. Listener errors never reach the driver. */
  onEvent(listener: (event: GuestEvent) => void): () => void;

  /** Removes cached images that are neither in `keepImageIds` nor backing a disk and were unused for `olderThanMs`; and disks and folders of guests that do not exist. Returns what was removed. */
  collectGarbage(keepImageIds: ReadonlySet<string>, olderThanMs: number): Promise<Outcome<string[]>>;

  /** What lies on this host's disk, for audits. */
  inventory(): Promise<Outcome<{ guestFolders: string[]; cachedImages: string[]; brokenOverlays: string[] }>>;

  close(): Promise<void>;
}
