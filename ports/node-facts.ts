// What the Node Agent reads about its host: system, hypervisor, guests, daemons. Drivers:
// adapters/libvirt, adapters/sim. Contract suite: node-facts.testing.ts.
import type { Outcome } from '#contracts/common/fault.ts';
import type { OperatingSystem } from '#contracts/kube/kinds.ts';

/** Facts about operating system and machine; fields that the host does not report are missing. */
export interface SystemFacts extends Omit<
  OperatingSystem,
  'variantID' | 'prettyVersion' | 'gardenLinuxCommitID'
> {
  variantId?: string;
  prettyName?: string;
  gardenLinuxCommitId?: string;
  /** CPU architecture, e.g. `x86_64`. */
  machine?: string;
  /** The kernel's boot id, which changes with each boot. */
  bootId?: string;
}

/** A NUMA cell. A host without NUMA has one cell, with id 0. */
export interface CellFacts {
  id: number;
  cpus: number;
  memoryBytes: number;
  /** Huge pages that are reserved at present, by page size. */
  hugePages: { sizeBytes: number; count: number }[];
}

export interface HypervisorFacts {
  /** E.g. `9.0.0`. */
  libvirtVersion: string;
  /** QEMU's version. */
  hypervisorVersion: string;
  cpuArch: string;
  cells: CellFacts[];
  domain: {
    arch: string;
    /** `kvm` or `qemu`. */
    hypervisorType: string;
    /** Supported devices: `video`, and `video/virtio` for each of its models. */
    devices: string[];
    /** Supported CPU modes, e.g. `mode/host-passthrough`. */
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
  /** NUMA cells to which the guest's memory is bound; empty: the kernel chooses. */
  cells: number[];
  /**
   * Size of the huge pages that back the guest's memory; 0: the host's default size; null: no huge
   * pages.
   */
  hugePageBytes: number | null;
}

/** A daemon on the host that guests depend on. */
export interface UnitFacts {
  /** Name of the systemd unit, e.g. `libvirtd.service`. */
  unit: string;
  isRunning: boolean;
  /** For people. Changes only when `isRunning` does. */
  message: string;
}

export interface MovedBytes {
  total: number;
  processed: number;
  remaining: number;
}

/** A live migration out of the host, in the units that the hypervisor reports. */
export interface MigrationJob {
  /** `bounded` and `unbounded`: under way, with or without an estimate of the end. */
  state: 'bounded' | 'unbounded' | 'completed' | 'failed' | 'cancelled';
  /** When it started, ms since the epoch; tells one migration of a guest from the next. */
  startedAtMs: number;
  /** Why it ended, where the hypervisor says so. */
  error?: string;
  elapsedMs: number;
  remainingMs?: number;
  setupMs?: number;
  downtimeMs?: number;
  /** Total of memory and disks. */
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
  /** By how many percent the guest's CPUs are throttled (libvirt's auto-converge). */
  autoConvergePercent?: number;
}

export type NodeEvent =
  /** Guests, daemons or the connection to the hypervisor have changed: read the facts again. */
  | { kind: 'changed' }
  /** The hypervisor does not answer; `changed` follows when it does again. */
  | { kind: 'lost' }
  /** A guest's live migration out of the host began, made progress, or ended. */
  | { kind: 'departing'; guest: string }
  /** A guest that migrated to this host runs here now. */
  | { kind: 'arrived'; guest: string };

/**
 * Reads the facts of one host. Each method reads the present ones; all are safe to repeat. Faults
 * of all: unavailable and timeout (the host or its hypervisor does not answer now). No call takes
 * longer than 15 s. An answer that cannot be parsed is thrown as an error.
 */
export interface NodeFacts {
  system(): Promise<Outcome<SystemFacts>>;

  hypervisor(): Promise<Outcome<HypervisorFacts>>;

  /** All guests, sorted by UUID. */
  guests(): Promise<Outcome<GuestFacts[]>>;

  units(): Promise<Outcome<UnitFacts[]>>;

  /** UUIDs of the guests that are migrating out of the host now. */
  departing(): Promise<Outcome<string[]>>;

  /**
   * The guest's migration out of the host: the one under way, else the last one whose end this
   * driver has seen. null: there was none, or its end was not seen.
   */
  migration(uuid: string): Promise<Outcome<MigrationJob | null>>;

  /**
   * Calls the listener until the returned function is called. Events may be repeated; events during
   * a lost connection are not delivered.
   */
  onEvent(listener: (event: NodeEvent) => void): () => void;

  /**
   * Closes the driver: from now on methods that need the hypervisor return `unavailable` at once.
   */
  close(): Promise<void>;
}
