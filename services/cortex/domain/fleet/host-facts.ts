// What a source reports to the fleet: all facts of a host, a reservation, a quota. Sources:
// from-openstack.ts and from-hypervisor.ts.

/** Amounts of one resource class of Placement: VCPU, MEMORY_MB (MiB), DISK_GB (GiB), ... */
export interface ResourceFacts {
  /** What can be allocated: including overcommit, without the host's own reserve. */
  capacity: number;
  used: number;
  /** The most that one server may get; default: the capacity. */
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
  /** null: not reported. */
  ready: boolean | null;
  disabled: boolean;
  terminating: boolean;
  /** 'QEMU', 'CH'; '' if not known. */
  hypervisorType: string;
  /** As in Nova's API: 8002005 for 8.2.5; 0 if not known. */
  hypervisorVersion?: number;
  /** 'x86_64'; '' if not known. */
  architecture: string;
  /** What guests may use: `mode/host-passthrough`, `feature/avx2`, `device/video`. */
  guestFeatures: readonly string[];
  traits: readonly string[];
  aggregates: readonly AggregateFacts[];
  /** Projects that may use the host; empty: all. */
  allowedProjects: readonly string[];
  /** By resource class. */
  resources: Readonly<Record<string, ResourceFacts>>;
  /** undefined: not known. */
  cells?: readonly NumaCellFacts[];
  /** Ids of the servers on the host. */
  servers: readonly string[];
}

export type ReservationType =
  | 'CommittedResourceReservation'
  | 'FailoverReservation'
  | 'InFlightReservation';

export interface ReservationFacts {
  id: string;
  type: ReservationType;
  /** Only a ready reservation can be used by those it is for. */
  ready: boolean;
  /** Hosts on which it holds capacity: where it is now, and where it is being moved. */
  hosts: readonly string[];
  /** Amounts held on each of these hosts, by resource class: the part that is not used yet. */
  held: Readonly<Record<string, number>>;
  /** The project of a committed resource. */
  projectId?: string;
  /** The flavor group, or the flavor, that it is for. */
  resourceGroup?: string;
  zone?: string;
  /** For an in-flight reservation: the server group of which it counts as a member. */
  group?: string;
  /** Servers that it is for, or that use it. */
  servers: readonly string[];
}

/** A project's quota and usage in one zone, for flavors of one hardware version. */
export interface QuotaFacts {
  projectId: string;
  zone: string;
  hwVersion: string;
  /** The unused memory of each of its commitments, GiB. */
  committedFreeGib: readonly number[];
  /** What it may still use outside of its commitments; a missing entry has no limit. */
  headroom: { ramGib?: number; cores?: number; instances?: number };
}
