// What a source tells the fleet: one host as a whole, a reservation, a quota. Sources:
// from-openstack.ts and from-hypervisor.ts.

/** Amounts of one resource class of Placement: VCPU, MEMORY_MB (MiB), DISK_GB (GiB), ... */
export interface ResourceFacts {
  /** What may be allocated: with overcommit, without what the host keeps for itself. */
  capacity: number;
  used: number;
  /** The most that one server may have; default: the capacity. */
  maxUnit?: number;
}

/** One NUMA cell, as far as its facts are known. */
export interface NumaCellFacts {
  freeVcpus: number;
  freeMemoryMib: number;
  /** Free huge pages by their size, KiB. */
  freePages?: Readonly<Record<number, number>>;
}

export interface AggregateFacts {
  uuid: string;
  name: string;
  metadata: Readonly<Record<string, string>>;
}

export interface HostFacts {
  /** The name of its compute service. */
  name: string;
  /** Default: the name. */
  hypervisorHostname?: string;
  zone: string | null;
  /** null: it has not said so. */
  ready: boolean | null;
  disabled: boolean;
  terminating: boolean;
  /** 'QEMU', 'CH'; '' if it is not known. */
  hypervisorType: string;
  /** As Nova writes it, 8002005 for 8.2.5; 0 if it is not known. */
  hypervisorVersion?: number;
  /** 'x86_64'; '' if it is not known. */
  architecture: string;
  /** What guests may use: `mode/host-passthrough`, `feature/avx2`, `device/video`. */
  guestFeatures: readonly string[];
  traits: readonly string[];
  aggregates: readonly AggregateFacts[];
  /** Empty: everybody's. */
  allowedProjects: readonly string[];
  /** By resource class. */
  resources: Readonly<Record<string, ResourceFacts>>;
  /** undefined: they are not known. */
  cells?: readonly NumaCellFacts[];
  /** Ids of the servers on it. */
  servers: readonly string[];
}

export type ReservationType =
  | 'CommittedResourceReservation'
  | 'FailoverReservation'
  | 'InFlightReservation';

export interface ReservationFacts {
  id: string;
  type: ReservationType;
  /** Only a ready one is unlocked for those whose it is. */
  ready: boolean;
  /** Where it holds capacity: where it is, and where it is going. */
  hosts: readonly string[];
  /** What it holds on each of them, by resource class: what is not used of it yet. */
  held: Readonly<Record<string, number>>;
  /** Of a committed resource. */
  projectId?: string;
  /** The group of flavors, or the flavor, that it is for. */
  resourceGroup?: string;
  zone?: string;
  /** Of one in flight: the id of the server group that counts it as a member. */
  group?: string;
  /** Servers that it is for, or that use it. */
  servers: readonly string[];
}

/** What a project may have and has, in one zone, of flavors of one hardware version. */
export interface QuotaFacts {
  projectId: string;
  zone: string;
  hwVersion: string;
  /** Unused parts of its commitments, one by one, GiB. */
  committedFreeGib: readonly number[];
  /** What it may take beside its commitments; undefined: without a limit. */
  headroom: { ramGib?: number; cores?: number; instances?: number };
}
