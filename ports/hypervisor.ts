// What the Nova Agent needs of one hypervisor. Drivers: adapters/libvirt (libvirt + QEMU) and adapters/sim.
// Every driver passes `hypervisor.testing.ts`. All calls are safe to repeat; none keeps state outside the host.
import type { Readable } from 'node:stream';
import type { Outcome } from '#contracts/common/fault.ts';

/** libvirt's view of a guest, reduced to what Nova knows. `absent`: no such guest on this host. */
export type GuestState = 'running' | 'paused' | 'suspended' | 'shutoff' | 'crashed' | 'absent';

/** What the host has and can do; measured, never assumed. */
export interface HostFacts {
  hostname: string;
  hypervisorType: string; // 'QEMU' | 'KVM' | 'sim'
  /** e.g. 7_002_000 for QEMU 7.2.0: major * 1_000_000 + minor * 1_000 + micro. */
  hypervisorVersion: number;
  acceleration: 'kvm' | 'tcg' | 'none';
  arch: string; // 'x86_64'
  vcpus: number;
  memoryMib: number;
  diskGib: number; // capacity of the file system that holds guest disks
  freeDiskGib: number;
  hostIp: string;
  cpu: { arch: string; model: string; vendor: string; features: string[]; topology: { cells: number; sockets: number; cores: number; threads: number } };
  /** Placement traits this host proves, e.g. 'COMPUTE_STATUS...' is not one of them; 'HW_CPU_X86_AVX' is. */
  traits: string[];
}

/** An image as the host's cache knows it. `checksum` (sha512 hex or '') guards the copy. */
export interface GuestImage {
  id: string;
  diskFormat: 'raw' | 'qcow2' | 'aki' | 'ari' | 'ami' | string;
  sizeBytes: number;
  checksum: string;
}

/** Opens the image's bytes from the start. Called at most once at a time for each image. */
export type OpenImage = () => Promise<Outcome<Readable>>;

/** Everything needed to make a guest; made by the conductor, stored nowhere on the host but in the domain itself. */
export interface GuestSpec {
  uuid: string;
  /** Unique on the host, e.g. 'instance-0000002a'. */
  name: string;
  displayName: string;
  projectId: string;
  userId: string;
  vcpus: number;
  memoryMib: number;
  /** Root disk; null = no local disk (booted from kernel alone or from a volume). `sizeGib` 0 = as large as the image. */
  rootDisk: { image: GuestImage | null; sizeGib: number; bus: 'virtio' | 'scsi' | 'sata' | 'ide' } | null;
  ephemeralGib: number;
  swapMib: number;
  /** Direct kernel boot. `commandLine` is added to the driver's console arguments. */
  kernel: { kernel: GuestImage; ramdisk: GuestImage | null; commandLine: string } | null;
  /** Files of a config drive (volume label `config-2`), path -> content; null = none. */
  configDrive: Record<string, string> | null;
  machineType: string | null; // null = the driver's default
  cpuModel: string | null;
  /** Later issues add network interfaces and volumes. */
  nics: never[];
}

export interface GuestSummary {
  uuid: string;
  name: string;
  state: GuestState;
}

/** What changed on its own or by command. An event only wakes: read `state(uuid)` for the truth. */
export interface GuestEvent {
  uuid: string;
  state: GuestState;
}

export interface GuestDiagnostics {
  state: GuestState;
  uptimeS: number;
  cpuTimeNs: number[]; // one a vCPU, or one sum
  memoryMib: number;
  memoryUsedMib: number;
  disks: { target: string; readBytes: number; readRequests: number; writeBytes: number; writeRequests: number; errors: number }[];
}

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
