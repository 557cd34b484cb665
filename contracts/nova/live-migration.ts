// A guest that moves to another host while it runs, as plain data exchanged between conductor,
// agents and hypervisor drivers.

/** What the destination must know of the running guest. */
export interface GuestDeparture {
  /** The guest's CPU model, in the format of the driver (libvirt: XML); null: any host will do. */
  cpu: string | null;
  /** What the guest's root disk is based on, in the format of the driver; null: on nothing. */
  base: string | null;
}

/** Where the guest arrives, from the destination's driver for the source's. */
export interface GuestArrival {
  /** Of this preparation: one migration is made with it. */
  id: string;
  /** The address at which the destination's hypervisor takes guests, as hosts see each other. */
  address: string;
  /** The guest's folder and the socket of its console there. */
  folder: string;
  vncSocket: string;
  /** How the destination reaches the guest's volumes; `server` '' for a file of the host. */
  volumes: { volumeId: string; server: string; path: string }[];
}

export interface MigrationTerms {
  arrival: GuestArrival;
  /** Slows the guest down step by step while it changes memory faster than it is sent. */
  autoConverge: boolean;
  /** Whether the guest may run at the destination before all of its memory is there. */
  permitPostCopy: boolean;
  /** MiB per second; 0: as fast as the network is. */
  bandwidthMib: number;
  /** After so long `timeoutAction` is taken; 0: never. */
  completionTimeoutMs: number;
  timeoutAction: 'abort' | 'force_complete';
}

/** In bytes, as the hypervisor counts them; null before it has counted. */
export interface MigrationProgress {
  elapsedMs: number;
  memory: { total: number; processed: number; remaining: number } | null;
  disk: { total: number; processed: number; remaining: number } | null;
  /** Expected, or measured at the end. */
  downtimeMs: number | null;
}
