// Where files are below `stateDir`. libvirtd and this process use the same paths.
// images/<image id>.<qcow2|raw>: complete cached images (written under another name, then renamed).
// guests/<uuid>/: disk, root-copy, ephemeral, swap, config-drive.iso, kernel, ramdisk, console.log,
// unrescue.xml, built, awaited, departing.
import path from 'node:path';
import type { GuestImage } from '#contracts/nova/guest.ts';

/** Suffix of a file that is being written: never read, removed by garbage collection. */
export const partSuffix = '.part';

export interface GuestFolder {
  root: string;
  disk: string;
  ephemeral: string;
  swap: string;
  configDrive: string;
  kernel: string;
  ramdisk: string;
  /** A copy of the root disk that is being uploaded to Glance. */
  rootCopy: string;
  consoleLog: string;
  /** The part of the console log that was cut off most recently. */
  consoleLogBefore: string;
  /** The guest's own domain XML during a rescue; the guest is in rescue while it exists. */
  ownDefinition: string;
  /**
   * Exists once the guest has run for the first time: from then on a failed `create` removes
   * nothing.
   */
  built: string;
  /** Exists while a guest is expected to arrive by live migration. */
  awaited: string;
  /** Holds the id of the arrival with which the guest's last migration away was started. */
  departing: string;
  vncSocket: string;
}

export class HostFolder {
  readonly images: string;
  readonly guests: string;
  readonly #runDir: string;

  constructor(stateDir: string, runDir: string) {
    this.images = path.join(stateDir, 'images');
    this.guests = path.join(stateDir, 'guests');
    this.#runDir = runDir;
    // sun_path holds 108 bytes with its NUL (unix(7)); with a longer path QEMU would fail at every
    // start.
    const longest = this.#vncSocket('00000000-0000-0000-0000-000000000000').length;
    if (longest > 107)
      throw new Error(`runDir ${runDir} is ${longest - 107} characters too long for Unix sockets`);
  }

  /** `variant` keeps the files of a rescue apart from the guest's own. */
  guest(uuid: string, variant: '' | 'rescue' = ''): GuestFolder {
    if (!isGuestUuid(uuid)) throw new Error(`not a guest UUID: ${uuid}`);
    const root = path.join(this.guests, uuid);
    const own = (name: string) => path.join(root, variant === '' ? name : `${variant}-${name}`);
    return {
      root,
      disk: own('disk'),
      ephemeral: own('ephemeral'),
      swap: own('swap'),
      configDrive: own('config-drive.iso'),
      kernel: own('kernel'),
      ramdisk: own('ramdisk'),
      rootCopy: path.join(root, 'root-copy'),
      consoleLog: path.join(root, 'console.log'),
      consoleLogBefore: path.join(root, 'console.log.before'),
      ownDefinition: path.join(root, 'unrescue.xml'),
      built: path.join(root, 'built'),
      awaited: path.join(root, 'awaited'),
      departing: path.join(root, 'departing'),
      vncSocket: this.#vncSocket(uuid),
    };
  }

  image(image: GuestImage): string {
    return path.join(this.images, `${image.id}.${cachedFormat(image)}`);
  }

  #vncSocket(uuid: string): string {
    return path.join(this.#runDir, `${uuid}.vnc`);
  }
}

export function isGuestUuid(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);
}

/**
 * The format in which an image is cached: formats other than qcow2 and raw are converted when they
 * enter the cache.
 */
export function cachedFormat(image: GuestImage): 'qcow2' | 'raw' {
  return ['raw', 'iso', 'ami', 'aki', 'ari'].includes(image.diskFormat) ? 'raw' : 'qcow2';
}
