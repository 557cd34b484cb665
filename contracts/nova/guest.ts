// A guest and its host as plain data: what conductor, agent and hypervisor drivers tell each other.
import type { VolumeConnection } from '../cinder/volume-connection.ts';

/**
 * libvirt's view of a guest, reduced to what Nova knows. `crashed`: off without having been asked
 * (its process died, or the host's power). `absent`: no such guest on this host.
 */
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
  /**
   * When the host started, to the minute (finer would make every heartbeat new); left out where
   * nobody knows.
   */
  bootedAtMs?: number;
  cpu: {
    arch: string;
    model: string;
    vendor: string;
    features: string[];
    topology: { cells: number; sockets: number; cores: number; threads: number };
  };
  /**
   * Placement traits this host proves, e.g. 'COMPUTE_STATUS...' is not one of them;
   * 'HW_CPU_X86_AVX' is.
   */
  traits: string[];
}

/** An image as the host's cache knows it. `checksum` (sha512 hex or '') guards the copy. */
export interface GuestImage {
  id: string;
  /** Glance's disk format: raw, qcow2, aki, ari … */
  diskFormat: string;
  sizeBytes: number;
  checksum: string;
}

/**
 * Everything needed to make a guest; made by the conductor, stored nowhere on the host but in the
 * domain itself.
 */
export interface GuestSpec {
  uuid: string;
  /** Unique on the host, e.g. 'instance-0000002a'. */
  name: string;
  displayName: string;
  projectId: string;
  userId: string;
  vcpus: number;
  memoryMib: number;
  /**
   * Root disk; null = no local disk (booted from kernel alone or from a volume). `sizeGib` 0 = as
   * large as the image.
   */
  rootDisk: { image: GuestImage | null; sizeGib: number; bus: DiskBus } | null;
  ephemeralGib: number;
  swapMib: number;
  /** Direct kernel boot. `commandLine` is added to the driver's console arguments. */
  kernel: { kernel: GuestImage; ramdisk: GuestImage | null; commandLine: string } | null;
  /**
   * Files of a config drive (volume label `config-2`), path -> content in base64, as user data may
   * be binary; null = none.
   */
  configDrive: Record<string, string> | null;
  machineType: string | null; // null = the driver's default
  cpuModel: string | null;
  /** In the order in which the guest sees them. */
  nics: GuestNic[];
  /** Disks that live elsewhere. The driver names its own disks around their devices. */
  volumes: GuestVolume[];
}

/** A Cinder volume as a disk of the guest. */
export interface GuestVolume {
  /** Also the disk's serial number, of which virtio shows the guest the first 20 characters. */
  volumeId: string;
  connection: VolumeConnection;
  /**
   * The device's name, e.g. 'vdb': unique in the guest. The guest may see another one, as names are
   * given in the order of slots.
   */
  device: string;
  bus: DiskBus;
  /** 0: the guest boots from it. */
  bootIndex: number | null;
}

export type DiskBus = 'virtio' | 'scsi' | 'sata' | 'ide';

/** A network interface: one Neutron port, plugged into the host's integration bridge. */
export interface GuestNic {
  /** The Neutron port: also what the switch calls the interface (`iface-id`), so it is a UUID. */
  portId: string;
  /** Lower case, e.g. 'fa:16:3e:00:00:01'. */
  mac: string;
  mtu: number;
  /** The host's bridge, 'br-int'. */
  bridge: string;
  model: 'virtio' | 'e1000' | 'e1000e' | 'rtl8139';
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
  disks: {
    target: string;
    readBytes: number;
    readRequests: number;
    writeBytes: number;
    writeRequests: number;
    errors: number;
  }[];
}
