// Facts of flavor and image that are stored with a server, since flavors and images may change or
// be deleted during its life.

export interface FlavorFacts {
  id: string;
  name: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  ephemeralGib: number;
  swapMib: number;
  rxtxFactor: number;
  description: string | null;
  extraSpecs: Record<string, string>;
}

/** The part of a Glance image that a build needs. */
export interface ImageFacts {
  id: string;
  name: string;
  diskFormat: string;
  sizeBytes: number;
  /** sha512, hex; '' when Glance has none. */
  checksum: string;
  minDiskGib: number;
  minMemoryMib: number;
  /** Kernel image for direct boot; null: the guest boots from the disk itself. */
  kernel: { id: string; sizeBytes: number; checksum: string; diskFormat: string } | null;
  /** Ramdisk image for direct boot; null: none. */
  ramdisk: { id: string; sizeBytes: number; checksum: string; diskFormat: string } | null;
  /** Image properties that affect the guest: hw_*, os_*, img_config_drive … */
  properties: Record<string, string>;
}

/** A server's fault as the API shows it. */
export interface FaultFacts {
  code: number;
  createdMs: number;
  message: string;
  details: string;
}
