// The kinds of Kubernetes objects that this cloud's components use: CobaltCore's own, defined in
// crds/, and the built-in ones.
import type { Condition, KubeKind, KubeObject } from './object.ts';

export type Maintenance = '' | 'manual' | 'auto' | 'ha' | 'termination';

/** kvm.cloud.sap/v1: a host that runs virtual machines. */
export interface Hypervisor extends KubeObject {
  spec: {
    version?: string;
    reboot?: boolean;
    evacuateOnReboot?: boolean;
    lifecycleEnabled?: boolean;
    skipTests?: boolean;
    customTraits?: string[];
    aggregates?: string[];
    allowedProjects?: string[];
    highAvailability?: boolean;
    installCertificate?: boolean;
    maintenance?: Maintenance;
    maintenanceReason?: string;
    overcommit?: Record<string, number>;
  };
  status?: HypervisorStatus;
}

export interface HypervisorStatus {
  libVirtVersion?: string;
  hypervisorVersion?: string;
  operatingSystem?: OperatingSystem;
  instances?: { id: string; name: string; active: boolean }[];
  capabilities?: { cpuArch?: string; memory?: string; cpus?: string };
  domainCapabilities?: {
    arch?: string;
    hypervisorType?: string;
    supportedDevices?: string[];
    supportedCpuModes?: string[];
    supportedFeatures?: string[];
  };
  allocation?: Record<string, string>;
  capacity?: Record<string, string>;
  effectiveCapacity?: Record<string, string>;
  /** NUMA cells. */
  cells?: {
    cellID: number;
    allocation?: Record<string, string>;
    capacity?: Record<string, string>;
    effectiveCapacity?: Record<string, string>;
  }[];
  numInstances?: number;
  hypervisorId?: string;
  serviceId?: string;
  traits?: string[];
  aggregates?: { name: string; uuid?: string; metadata?: Record<string, string> }[];
  internalIp?: string;
  evicted?: boolean;
  conditions?: Condition[];
}

export interface OperatingSystem {
  /** Version of the distribution; GardenLinux has its own scheme. */
  version?: string;
  variantID?: string;
  prettyVersion?: string;
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
  gardenLinuxCommitID?: string;
  gardenLinuxFeatures?: string[];
}

export const hypervisors: KubeKind<Hypervisor> = {
  group: 'kvm.cloud.sap',
  version: 'v1',
  kind: 'Hypervisor',
  plural: 'hypervisors',
  namespaced: false,
};

/** kvm.cloud.sap/v1: moves every virtual machine off a hypervisor. */
export interface Eviction extends KubeObject {
  spec: { hypervisor: string; reason: string };
  status?: {
    hypervisorServiceId?: string;
    outstandingRamMb?: number;
    outstandingInstances?: string[];
    conditions?: Condition[];
  };
}

export const evictions: KubeKind<Eviction> = {
  group: 'kvm.cloud.sap',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  namespaced: false,
};

/**
 * kvm.cloud.sap/v1alpha1: progress of a server's live migration, or the outcome of its last one.
 * Its name is the server's id. Sizes are '4.0 GiB', rates '1.5 MiB/s', times '1m30.5s'.
 */
export interface Migration extends KubeObject {
  status?: MigrationStatus;
}

export interface MigrationStatus {
  origin?: string;
  destination?: string;
  /** bounded, unbounded: in progress; completed, failed, cancelled, unknown: the outcome. */
  type?: string;
  operation?: string;
  /** RFC 3339. */
  started?: string;
  errMsg?: string;
  autoConvergeThrottle?: string;
  diskBps?: string;
  diskRemaining?: string;
  diskProcessed?: string;
  diskTotal?: string;
  memPostcopyRequests?: number;
  memIteration?: number;
  memPageSize?: string;
  /** Pages per second. */
  memDirtyRate?: string;
  memBps?: string;
  memNormalBytes?: string;
  memNormal?: number;
  memConstant?: number;
  memRemaining?: string;
  memProcessed?: string;
  memTotal?: string;
  dataRemaining?: string;
  dataProcessed?: string;
  dataTotal?: string;
  setupTime?: string;
  timeElapsed?: string;
  timeRemaining?: string;
  downtime?: string;
}

export const migrations: KubeKind<Migration> = {
  group: 'kvm.cloud.sap',
  version: 'v1alpha1',
  kind: 'Migration',
  plural: 'migrations',
  namespaced: true,
};

export interface Node extends KubeObject {
  spec?: {
    unschedulable?: boolean;
    taints?: { key: string; value?: string; effect: string }[];
  };
  status?: {
    addresses?: { type: string; address: string }[];
    conditions?: Condition[];
    nodeInfo?: Record<string, string>;
  };
}

export const nodes: KubeKind<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
};

export interface Pod extends KubeObject {
  spec?: {
    nodeName?: string;
    tolerations?: {
      key?: string;
      operator?: string;
      value?: string;
      effect?: string;
      tolerationSeconds?: number;
    }[];
  };
  status?: { phase?: string };
}

export const pods: KubeKind<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
};

/** An event about an object. Kubernetes keeps it for an hour. */
export interface Event extends KubeObject {
  involvedObject: {
    apiVersion: string;
    kind: string;
    name: string;
    namespace?: string;
    uid: string;
  };
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string };
  reportingComponent: string;
}

export const events: KubeKind<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** Labels and annotations of nodes and hypervisors that the operator reads. */
export const labels = {
  hostname: 'kubernetes.io/hostname',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
  /** A node with this label, whatever its value, runs virtual machines. */
  virtDriver: 'nova.openstack.cloud.sap/virt-driver',
  /**
   * The operator onboards and offboards nodes with this label; value `skip-tests`: without test
   * VMs.
   */
  lifecycle: 'cobaltcore.cloud.sap/node-hypervisor-lifecycle',
} as const;

export const annotations = {
  aggregates: 'nova.openstack.cloud.sap/aggregates',
  customTraits: 'nova.openstack.cloud.sap/custom-traits',
} as const;

/**
 * The taint of a node that has no virtual machines any more: evicts the agents that served them.
 */
export const offboardingTaint = { key: 'kvm.cloud.sap/offboarding', effect: 'NoExecute' } as const;
