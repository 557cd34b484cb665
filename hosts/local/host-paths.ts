// Where a namespaced host lives: names and paths, made of the state folder and the host's name alone. Pure.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';

export interface HostPaths {
  name: string;
  /** The host's folder; everything of the host lies below it, at the same path inside and outside the host. */
  dir: string;
  /** `cc-<hash of the state folder>-<name>`: two clouds on one machine never meet. */
  netns: string;
  /** libvirtd's socket, reachable from the machine (Unix sockets ignore network namespaces). */
  libvirtSocket: string;
  /** For guest disks, image cache, config drives, console logs and VNC sockets. Survives a power failure. */
  dataDir: string;
  /** PID 1 as the machine sees it: `bootId pid startTime`. Written by the init itself. */
  pidFile: string;
  readyFile: string;
  logFile: string;
}

// sun_path holds 108 bytes with its closing zero: unix(7).
const socketPathLimit = 107;

// The init puts private file systems over these; a state folder below one would vanish inside the host.
const masked = ['/run', '/var/run', '/dev', '/proc', '/sys', '/etc/libvirt', '/var/lib/libvirt', '/var/cache/libvirt', '/var/log/libvirt'];

export const hostsDir = (stateDir: string): string => join(stateDir, 'hosts');

/** Common start of the network namespace names of one cloud. */
export function netnsPrefix(stateDir: string): string {
  return `cc-${createHash('sha256').update(stateDir).digest('hex').slice(0, 8)}-`;
}

/** badRequest: a name that is no host name, or a state folder in which a host cannot live. */
export function hostPaths(stateDir: string, name: string): Outcome<HostPaths> {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) return fault('badRequest', `'${name}' is no host name: use a-z, 0-9 and '-', at most 32`);
  const above = masked.find((folder) => `${stateDir}/`.startsWith(`${folder}/`));
  if (above) return fault('badRequest', `the state folder ${stateDir} lies below ${above}, which each host has for itself; choose another with --home`);
  const dir = join(hostsDir(stateDir), name);
  const libvirtSocket = join(dir, 'run/libvirt/libvirt-sock');
  if (Buffer.byteLength(libvirtSocket) > socketPathLimit) {
    return fault('badRequest', `the path of a Unix socket may have ${socketPathLimit} bytes, ${libvirtSocket} is longer; choose a shorter state folder with --home`);
  }
  return {
    name,
    dir,
    netns: netnsPrefix(stateDir) + name,
    libvirtSocket,
    dataDir: join(dir, 'data'),
    pidFile: join(dir, 'init.pid'),
    readyFile: join(dir, 'ready'),
    logFile: join(dir, 'init.log'),
  };
}
