// Data about live migrations, exchanged between conductor, agents and hypervisor drivers.

/** What the destination needs to know of the running guest. */
export interface GuestDeparture {
  /** The guest's CPU model in the driver's format (libvirt: XML); null: it runs on any host. */
  cpu: string | null;
  /** The base of the guest's root disk in the driver's format; null: the disk has no base. */
  base: string | null;
}

/** What the destination has prepared, passed to the source's driver. */
export interface GuestArrival {
  /** Names this preparation, which serves one migration. */
  id: string;
  /**
   * The address at which the destination's hypervisor receives guests; other hosts can reach it.
   */
  address: string;
  /** Path of the guest's folder on the destination. */
  folder: string;
  /** Path of the VNC console's Unix socket on the destination. */
  vncSocket: string;
  /** How the destination reaches the guest's volumes; `server` '' for a file on the host. */
  volumes: { volumeId: string; server: string; path: string }[];
}

export interface MigrationTerms {
  arrival: GuestArrival;
  /** Throttles the guest step by step if it changes memory faster than it can be sent. */
  autoConverge: boolean;
  /** Whether the guest may run at the destination before all of its memory is there. */
  permitPostCopy: boolean;
  /** MiB per second; 0: unlimited. */
  bandwidthMib: number;
  /** After this time `timeoutAction` is taken; 0: never. */
  completionTimeoutMs: number;
  timeoutAction: 'abort' | 'force_complete';
}

/** Counters of the hypervisor, in bytes; null: not reported yet. */
export interface MigrationProgress {
  elapsedMs: number;
  memory: { total: number; processed: number; remaining: number } | null;
  disk: { total: number; processed: number; remaining: number } | null;
  /** Expected downtime; at the end the measured one. */
  downtimeMs: number | null;
}
