// Decides, from the report of `qemu-img info --output=json`, whether an image may be used. Pure. In
// CVE-2015-5163, CVE-2022-47951 and CVE-2024-32498 images made QEMU open other files of the host.
import type { Fault, Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { QemuFormat } from './disk-formats.ts';

/**
 * QEMU's ImageInfo (qapi/block-core.json): the fields that are read by name. `refersElsewhere`
 * checks all fields.
 */
export interface ImageInfo {
  format: string;
  filename: string;
  'virtual-size': number;
  'cluster-size'?: number;
  encrypted?: boolean;
  'format-specific'?: { data?: { [name: string]: Json } };
}

/** The only VMDK types that consist of one file. */
const selfContainedVmdks: ReadonlySet<Json | undefined> = new Set([
  'monolithicSparse',
  'streamOptimized',
]);
const noParentCid = 0xffff_ffff;
const minClusterBytes = 512;
const maxClusterBytes: Readonly<Record<QemuFormat, number>> = {
  raw: Infinity,
  qcow2: 2 ** 21,
  vmdk: 2 ** 27,
  vdi: 2 ** 20,
  vpc: 2 ** 21,
  vhdx: 2 ** 28,
  parallels: 2 ** 28,
};
/**
 * Limit on the tables that map a disk to clusters, bytes, at 8 bytes per cluster. With clusters of
 * 64 KiB it allows 8 TiB.
 */
const maxTableBytes = 2 ** 30;
const tableEntryBytes = 8;

/**
 * The image's virtual size in bytes. badRequest: the image may not be used, with the reason;
 * tooLarge.
 */
export function judgeImage(
  info: ImageInfo,
  format: QemuFormat,
  maxVirtualBytes: number,
): Outcome<number> {
  if (info.format !== format) return fault('badRequest', 'The image is not of its disk format.');
  if (info.encrypted === true)
    return fault('badRequest', 'The image is encrypted, which is not supported.');
  if (refersElsewhere(info as unknown as Json, info.filename)) return refersToAnother();
  const specific = info['format-specific']?.data;
  if (specific?.['corrupt'] === true) return fault('badRequest', 'The image is marked as corrupt.');
  if (format === 'vmdk') {
    const refusal = judgeVmdk(specific);
    if (isFault(refusal)) return refusal;
  }
  return judgeSizes(info, format, maxVirtualBytes);
}

const refersToAnother = (): Fault =>
  fault('badRequest', 'The image refers to another file, which is not allowed.');

/**
 * Whether QEMU opened another file for the image. Every opened file is in the report: as `filename`
 * of an extent or child, or in a field of its own.
 */
function refersElsewhere(value: Json, own: string): boolean {
  if (Array.isArray(value)) return value.some((each) => refersElsewhere(each, own));
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, below]) => {
    if (below === undefined) return false;
    if (key === 'filename') return below !== own;
    if (/backing|data-file|encrypt-|^encrypt$/.test(key)) return true;
    return refersElsewhere(below, own);
  });
}

function judgeVmdk(specific: { [name: string]: Json } | undefined): Outcome<void> {
  const type = specific?.['create-type'];
  const printable = typeof type === 'string' && /^\w{1,40}$/.test(type) ? type : 'unknown';
  if (!selfContainedVmdks.has(type)) {
    return fault(
      'badRequest',
      `VMDK images of type ${printable} are not supported: their data may lie in other files.`,
    );
  }
  if (specific?.['parent-cid'] !== noParentCid) return refersToAnother();
  const { extents } = specific;
  const hasOneExtent = Array.isArray(extents) && extents.length === 1;
  return hasOneExtent
    ? undefined
    : fault('badRequest', 'The VMDK image does not have exactly one extent.');
}

function judgeSizes(info: ImageInfo, format: QemuFormat, maxVirtualBytes: number): Outcome<number> {
  const { 'virtual-size': virtualBytes, 'cluster-size': clusterBytes } = info;
  const isPossible = Number.isSafeInteger(virtualBytes) && virtualBytes >= 0;
  if (!isPossible) return fault('tooLarge', 'The disk in the image is too large.');
  if (virtualBytes > maxVirtualBytes) {
    return fault(
      'tooLarge',
      `The disk in the image has ${gibText(virtualBytes)}; at most ${gibText(maxVirtualBytes)} fit.`,
    );
  }
  if (clusterBytes === undefined) return virtualBytes;
  const clusters = `The image has clusters of ${clusterBytes} bytes`;
  const isSane = clusterBytes >= minClusterBytes && clusterBytes <= maxClusterBytes[format];
  if (!isSane) return fault('badRequest', `${clusters}, which is not supported.`);
  const tableBytes = (virtualBytes / clusterBytes) * tableEntryBytes;
  return tableBytes > maxTableBytes
    ? fault('badRequest', `${clusters}, too small for a disk of its size.`)
    : virtualBytes;
}

/** The size as text, rounded up, so that a size just over the limit does not look equal to it. */
const gibText = (bytes: number): string => `${Math.ceil((bytes / 2 ** 30) * 100) / 100} GiB`;
