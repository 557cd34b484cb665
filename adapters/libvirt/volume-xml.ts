// Pure: the XML of a volume as a domain's disk, for definitions and hot plugging, and the parsing
// of disks in a domain's XML. Format:
// libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms.
import path from 'node:path';
import type { VolumeConnection } from '#contracts/cinder/volume-connection.ts';
import { fault, type Outcome } from '#contracts/common/fault.ts';
import type { GuestVolume } from '#contracts/nova/guest.ts';
import { deviceAlias } from './device-alias.ts';
import { escape } from './xml-text.ts';

/**
 * A share that the host's kernel has mounted; QEMU locks images on it itself. Other shares are
 * accessed by QEMU's own client (libnfs), which takes no locks.
 */
export interface MountedShare {
  server: string;
  share: string;
  /** Mount point on the host. */
  path: string;
  /**
   * The same share for a `qemu-img` started by this process: a folder, or a URL. Default: `path`.
   */
  outside?: string;
}

export interface VolumeSource {
  type: 'network' | 'file';
  format: 'qcow2' | 'raw';
  /** The NFS server; '' for a file on the host. */
  server: string;
  path: string;
}

/** A volume and its location as seen from this host. */
export interface PlacedVolume {
  volume: Pick<GuestVolume, 'volumeId' | 'device' | 'bus'>;
  source: VolumeSource;
}

/** Where this host finds the volume. badRequest: it does not support this kind of connection. */
export function volumeSource(
  connection: VolumeConnection,
  mounts: readonly MountedShare[],
): Outcome<VolumeSource> {
  if (connection.protocol !== 'nfs')
    return fault('badRequest', `this host has no way to a volume over ${connection.protocol}`);
  const { server, share, file, format } = connection;
  const inShare = path.posix.join(share, file);
  if (!inShare.startsWith(`${share}/`))
    return fault('badRequest', `the image ${file} is not on the share ${share}`);
  const mount = mounts.find((each) => each.server === server && each.share === share);
  return mount
    ? {
        type: 'file',
        format,
        server: '',
        path: path.join(mount.path, path.posix.relative(share, inShare)),
      }
    : { type: 'network', format, server, path: inShare };
}

export function volumeXml(
  { volume, source }: PlacedVolume,
  { diskCache }: { diskCache: 'none' | 'writeback' },
): string[] {
  return [
    `<disk type='${source.type}' device='disk'>`,
    // `stop`: a guest whose share is full or broken is paused and loses no data. By default QEMU
    // pauses for ENOSPC only, and libnfs reports a write that fits only in part as EIO.
    `  <driver name='qemu' type='${source.format}' cache='${source.type === 'file' ? diskCache : 'none'}' error_policy='stop' discard='unmap'/>`,
    ...sourceXml(source).map((line) => `  ${line}`),
    `  <target dev='${escape(volume.device)}' bus='${volume.bus}'/>`,
    `  <serial>${escape(volume.volumeId)}</serial>`,
    `  <alias name='${escape(deviceAlias(volume.volumeId))}'/>`,
    `</disk>`,
  ];
}

/**
 * The XML of a disk-only snapshot, after which `device` writes to `source`.
 * libvirt.org/formatsnapshot.html
 */
export function snapshotXml(
  device: string,
  others: readonly string[],
  source: VolumeSource,
): string {
  return [
    `<domainsnapshot><disks>`,
    `<disk name='${escape(device)}' snapshot='external' type='${source.type}'>`,
    `<driver type='${source.format}'/>`,
    ...sourceXml(source),
    `</disk>`,
    ...others.map((other) => `<disk name='${escape(other)}' snapshot='no'/>`),
    `</disks></domainsnapshot>`,
  ].join('\n');
}

function sourceXml({ type, server, path: where }: VolumeSource): string[] {
  if (type === 'file') return [`<source file='${escape(where)}'/>`];
  return [
    `<source protocol='nfs' name='${escape(where)}'>`,
    `  <host name='${escape(server)}'/>`,
    `  <identity/>`,
    `</source>`,
  ];
}

/** The properties of a domain's disk that the driver uses. */
export interface DomainDisk {
  target: string;
  bus: string;
  /** Path of its file, or of the image on `server`. */
  path: string;
  /** Name or address of the NFS server; '' for a file on the host. */
  server: string;
  format: string;
  /** Id of the volume; null for the guest's own disks. */
  volumeId: string | null;
  /** Whether a copy job of the disk has caught up. */
  isCopied: boolean;
}

/**
 * The domain's disks, in its order. `path` is the image that is written to: libvirt names it before
 * its backing files.
 */
export function disksIn(xml: string): DomainDisk[] {
  return [...xml.matchAll(/<disk [^]*?<\/disk>/g)].map(([text]) => {
    const capture = (pattern: RegExp): string => unescape(pattern.exec(text)?.[1] ?? '');
    const serial = capture(/<serial>([^<]*)<\/serial>/);
    return {
      target: capture(/<target [^>]*?\bdev='([^']*)'/),
      bus: capture(/<target [^>]*?\bbus='([^']*)'/),
      path: capture(/<source [^>]*?\b(?:file|name)='([^']*)'/),
      server: capture(/<host [^>]*?\bname='([^']*)'/),
      format: capture(/<driver [^>]*?\btype='([^']*)'/),
      volumeId: text.includes(`<alias name='${escape(deviceAlias(serial))}'`) ? serial : null,
      isCopied: /<mirror [^>]*\bready='yes'/.test(text),
    };
  });
}

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&apos;': "'",
  '&quot;': '"',
};
const unescape = (text: string): string =>
  text.replace(/&\w+;/g, (entity) => entities[entity] ?? entity);

export const volumesIn = (xml: string): string[] =>
  disksIn(xml).flatMap(({ volumeId }) => (volumeId === null ? [] : [volumeId]));
