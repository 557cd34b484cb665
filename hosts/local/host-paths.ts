// Names and paths of a namespaced host, derived from the state folder and the host's name. Pure.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

/** Paths that every init has: that of a host, of the filer, and of OVN's central daemons. */
export interface InitPaths {
  name: string;
  /** All its files are below this folder, at the same path inside and outside its namespaces. */
  dir: string;
  /**
   * Network namespace; its name contains a hash of the state folder's path, so that two clouds on
   * one machine never collide.
   */
  netns: string;
  /**
   * The file that identifies the init's process: `bootId pid startTime`. Written by the init
   * itself.
   */
  pidFile: string;
  readyFile: string;
  logFile: string;
}

export interface HostPaths extends InitPaths {
  /** libvirtd's socket, reachable from the machine (Unix sockets ignore network namespaces). */
  libvirtSocket: string;
  /** The socket of the host's Open vSwitch database. */
  ovsdbSocket: string;
  /**
   * Guest disks, image cache, config drives, console logs and VNC sockets. Survives a power
   * failure.
   */
  dataDir: string;
  /** Exists while an operator or its BMC keeps the host off. */
  heldOffFile: string;
  /** Folder of the HA Agent: its command, settings and log. */
  haAgentDir: string;
}

// sun_path holds 108 bytes with its closing zero: unix(7).
const socketPathLimit = 107;

// The init mounts private file systems over these paths, so a state folder below one of them would
// be invisible inside the host.
const masked = [
  '/run',
  '/var/run',
  '/dev',
  '/proc',
  '/sys',
  '/etc/libvirt',
  '/etc/pki',
  '/var/lib/libvirt',
  '/var/cache/libvirt',
  '/var/log/libvirt',
];

export const hostsDir = (stateDir: string): string => join(stateDir, 'hosts');

const cloudHash = (stateDir: string): string =>
  createHash('sha256').update(stateDir).digest('hex').slice(0, 8);

/** Common prefix of the network namespaces of one cloud's hosts. */
export const netnsPrefix = (stateDir: string): string => `cc-${cloudHash(stateDir)}-`;

const initPaths = (name: string, dir: string, netns: string): InitPaths => ({
  name,
  dir,
  netns,
  pidFile: join(dir, 'init.pid'),
  readyFile: join(dir, 'ready'),
  logFile: join(dir, 'init.log'),
});

/** Paths of a host. badRequest: not a valid host name, or a state folder that hosts cannot use. */
export function hostPaths(stateDir: string, name: string): Outcome<HostPaths> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    return fault('badRequest', `'${name}' is no host name: use a-z, 0-9 and '-', at most 32`);
  const above = masked.find((folder) => `${stateDir}/`.startsWith(`${folder}/`));
  if (above)
    return fault(
      'badRequest',
      `the state folder ${stateDir} lies below ${above}, which each host has for itself; choose another with --home`,
    );
  const dir = join(hostsDir(stateDir), name);
  const libvirtSocket = join(dir, 'run/libvirt/libvirt-sock');
  if (Buffer.byteLength(libvirtSocket) > socketPathLimit) {
    return fault(
      'badRequest',
      `the path of a Unix socket may have ${socketPathLimit} bytes, ${libvirtSocket} is longer; choose a shorter state folder with --home`,
    );
  }
  return {
    ...initPaths(name, dir, netnsPrefix(stateDir) + name),
    libvirtSocket,
    ovsdbSocket: join(dir, 'run/openvswitch/db.sock'),
    dataDir: join(dir, 'data'),
    heldOffFile: join(dir, 'held-off'),
    haAgentDir: join(dir, 'ha-agent'),
  };
}

export interface NetworkPaths extends InitPaths {
  northboundSocket: string;
  southboundSocket: string;
  /**
   * The machine's own interfaces in the external and in the management network; at most 15
   * characters, the kernel's limit.
   */
  machineDevices: { ext: string; mgmt: string };
  /** Files that store the CIDRs of these networks once they are chosen. */
  cidrFiles: { ext: string; mgmt: string };
}

/** Paths of OVN's central daemons and of the underlay between the hosts. */
export function networkPaths(stateDir: string): NetworkPaths {
  const [dir, hash] = [join(stateDir, 'ovn'), cloudHash(stateDir)];
  return {
    ...initPaths('ovn', dir, `ccn-${hash}`),
    northboundSocket: join(dir, 'run/nb.sock'),
    southboundSocket: join(dir, 'run/sb.sock'),
    machineDevices: { ext: `cce-${hash}`, mgmt: `ccm-${hash}` },
    cidrFiles: { ext: join(dir, 'public-cidr'), mgmt: join(dir, 'management-cidr') },
  };
}

export interface FilerPaths extends InitPaths {
  /** The folder that the filer exports. */
  exportDir: string;
}

export function filerPaths(stateDir: string): FilerPaths {
  const dir = join(stateDir, 'filer');
  return {
    ...initPaths('filer', dir, `ccf-${cloudHash(stateDir)}`),
    exportDir: join(dir, 'export'),
  };
}
