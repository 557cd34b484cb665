// A guest and its host as plain data, exchanged between conductor, agent and hypervisor drivers.
import type { VolumeConnection } from '../cinder/volume-connection.ts';

/**
 * A guest's state, libvirt's reduced to Nova's power states. `crashed`: off without having been
 * asked (its process died, or the host lost power). `absent`: no such guest on this host.
 */
export type GuestState = (typeof guestStates)[number];
export const guestStates = [
  'running',
  'paused',
  'suspended',
  'shutoff',
  'crashed',
  'absent',
] as const;

/** What the host has and can do, as measured. */
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
   * When the host started, to the minute (a finer value would make every heartbeat different); left
   * out where unknown.
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
   * Placement traits of this host's hardware and driver, such as 'HW_CPU_X86_AVX'; not traits of
   * its status ('COMPUTE_STATUS...').
   */
  traits: string[];
}

/** An image in the host's cache. `checksum` (sha512 hex or '') verifies the copy. */
export interface GuestImage {
  id: string;
  /** Glance's disk format: raw, qcow2, aki, ari … */
  diskFormat: string;
  sizeBytes: number;
  checksum: string;
}

/**
 * Everything needed to build a guest. Created by the conductor; the host keeps it only as the
 * guest's definition (libvirt: the domain).
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
   * Root disk; null: no local disk (boots from a kernel alone or from a volume). `sizeGib` 0: as
   * large as the image. `isCopy`: the image may be deleted while the guest lives, so its data is
   * copied into the disk.
   */
  rootDisk: {
    image: GuestImage | null;
    sizeGib: number;
    bus: DiskBus;
    isCopy?: boolean;
  } | null;
  ephemeralGib: number;
  swapMib: number;
  /** Direct kernel boot. `commandLine` is appended to the driver's console arguments. */
  kernel: { kernel: GuestImage; ramdisk: GuestImage | null; commandLine: string } | null;
  /**
   * Files of a config drive (volume label `config-2`), path to content in base64, since user data
   * may be binary; null: none.
   */
  configDrive: Record<string, string> | null;
  machineType: string | null; // null = the driver's default
  cpuModel: string | null;
  /** In the order in which the guest sees them. */
  nics: GuestNic[];
  /** Its Cinder volumes. The driver gives its own disks device names that these do not use. */
  volumes: GuestVolume[];
}

/** A Cinder volume as a disk of the guest. */
export interface GuestVolume {
  /**
   * The volume's id in Cinder; also the disk's serial number, of which virtio shows the guest the
   * first 20 characters.
   */
  volumeId: string;
  connection: VolumeConnection;
  /**
   * The device's name, e.g. 'vdb', unique in the guest. The guest may see another name, since it
   * names disks by PCI slot.
   */
  device: string;
  bus: DiskBus;
  /** 0: the guest boots from it; null: not a boot disk. */
  bootIndex: number | null;
}

export type DiskBus = 'virtio' | 'scsi' | 'sata' | 'ide';

/** A network interface: one Neutron port, plugged into the host's integration bridge. */
export interface GuestNic {
  /** The Neutron port's id. Open vSwitch has it as `iface-id`, so it must be a UUID. */
  portId: string;
  /** Lower case, e.g. 'fa:16:3e:00:00:01'. */
  mac: string;
  mtu: number;
  /** The host's bridge, 'br-int'. */
  bridge: string;
  model: 'virtio' | 'e1000' | 'e1000e' | 'rtl8139';
}

/**
 * How another host reads the disks of a guest that is off, while they are offered. Contains a
 * secret: must not be stored or logged.
 */
export interface DiskOffer {
  /** The address of the offering host. */
  address: string;
  /** Grants read access to the disks. */
  key: string;
  /**
   * How the root disk is offered. True: it is read as a whole, including its base image; false:
   * only what differs from that.
   */
  flat: boolean;
  disks: { name: 'root' | 'ephemeral'; port: number }[];
}

export interface GuestSummary {
  uuid: string;
  name: string;
  state: GuestState;
}

/**
 * The guest's state has changed, by itself or by a command. An event is only a wake-up: read
 * `state(uuid)` for the current state.
 */
export interface GuestEvent {
  uuid: string;
  state: GuestState;
}

export interface GuestDiagnostics {
  state: GuestState;
  uptimeS: number;
  cpuTimeNs: number[]; // one per vCPU, or one sum
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
