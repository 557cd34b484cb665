// What the Node Agent learns of the host that it runs for: its system, its hypervisor, its guests,
// its daemons. Drivers: adapters/libvirt, adapters/sim.
import type { Outcome } from '#contracts/common/fault.ts';

/** Of the operating system and the machine; what the host does not tell is missing. */
export interface SystemFacts {
  /** Of the distribution; a GardenLinux has one of its own. */
  version?: string;
  variantId?: string;
  prettyName?: string;
  gardenLinuxCommitId?: string;
  gardenLinuxFeatures?: string[];
  /** `x86_64` */
  machine?: string;
  kernelName?: string;
  kernelRelease?: string;
  kernelVersion?: string;
  kernelCommandLine?: string;
  hardwareVendor?: string;
  hardwareModel?: string;
  hardwareSerial?: string;
  firmwareVersion?: string;
  firmwareVendor?: string;
  /** RFC 3339. */
  firmwareDate?: string;
  /** Of the kernel. */
  bootId?: string;
}

/** A NUMA cell. A host without NUMA has one, 0. */
export interface CellFacts {
  id: number;
  cpus: number;
  memoryBytes: number;
  /** Pages that are set aside at present, by size. */
  hugePages: { sizeBytes: number; count: number }[];
}

export interface HypervisorFacts {
  /** `9.0.0` */
  libvirtVersion: string;
  /** Of QEMU. */
  hypervisorVersion: string;
  cpuArch: string;
  cells: CellFacts[];
  domain: {
    arch: string;
    /** `kvm`, `qemu` */
    hypervisorType: string;
    /** `video`, and `video/virtio` for what it can be. */
    devices: string[];
    /** `mode/host-passthrough` */
    cpuModes: string[];
    features: string[];
  };
}

/** A guest as it is defined, whether it runs or not. */
export interface GuestFacts {
  uuid: string;
  name: string;
  isActive: boolean;
  vcpus: number;
  memoryBytes: number;
  /** NUMA cells to which its memory is bound; none: the kernel chooses. */
  cells: number[];
  /** Its memory is of huge pages of this size; 0: of the host's default; null: of none. */
  hugePageBytes: number | null;
}

/** A daemon that guests depend on. */
export interface UnitFacts {
  /** `libvirtd.service` */
  unit: string;
  isRunning: boolean;
  /** For people. The same for as long as `isRunning` is. */
  message: string;
}

export interface MovedBytes {
  total: number;
  processed: number;
  remaining: number;
}

/** A live migration out of the host, in the hypervisor's own counts. */
export interface MigrationJob {
  /** The first two: it is under way; with or without a known end. */
  state: 'bounded' | 'unbounded' | 'completed' | 'failed' | 'cancelled';
  /** Tells one migration of a guest from the next; ms since the epoch. */
  startedAtMs: number;
  /** Why it ended, where the hypervisor says so. */
  error?: string;
  elapsedMs: number;
  remainingMs?: number;
  setupMs?: number;
  downtimeMs?: number;
  /** Memory and disks together. */
  data?: MovedBytes;
  memory?: MovedBytes;
  disk?: MovedBytes;
  memoryDetail?: {
    iteration?: number;
    pageSizeBytes?: number;
    bytesPerSecond?: number;
    dirtyPagesPerSecond?: number;
    normalBytes?: number;
    normalPages?: number;
    constantPages?: number;
    postcopyRequests?: number;
  };
  diskBytesPerSecond?: number;
  /** So much of its time the guest is held back. */
  autoConvergePercent?: number;
}

export type NodeEvent =
  /** Guests, daemons or the connection to the hypervisor are not as they were: look again. */
  | { kind: 'changed' }
  /** The hypervisor does not answer; `changed` follows when it is back. */
  | { kind: 'lost' }
  /** A live migration of the guest out of the host has begun, goes on, or has ended. */
  | { kind: 'departing'; guest: string }
  /** A guest that moved in runs here now. */
  | { kind: 'arrived'; guest: string };

/**
 * Each method reads what is so at that moment and may be repeated. Faults of all: unavailable and
 * timeout, the host or its hypervisor does not answer now. None waits longer than 15 s. What cannot
 * be understood is thrown.
 */
export interface NodeFacts {
  system(): Promise<Outcome<SystemFacts>>;

  hypervisor(): Promise<Outcome<HypervisorFacts>>;

  /** Sorted by UUID. */
  guests(): Promise<Outcome<GuestFacts[]>>;

  units(): Promise<Outcome<UnitFacts[]>>;

  /** UUIDs of guests that are on their way out at this moment. */
  departing(): Promise<Outcome<string[]>>;

  /**
   * The guest's migration out of the host that is under way, or how its last one ended as far as
   * this driver has seen that. null: there is none, or nobody has seen how it ended.
   */
  migration(uuid: string): Promise<Outcome<MigrationJob | null>>;

  /**
   * Until the function that it gives is called. Events may be repeated, and those of a time without
   * a connection are lost.
   */
  onEvent(listener: (event: NodeEvent) => void): () => void;

  /** From now on the hypervisor's methods answer unavailable, at once. */
  close(): Promise<void>;
}
