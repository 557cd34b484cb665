// Checks an image's data against its disk_format by its first and last bytes. Pure. Stock Glance
// does so since 2025.1 (release notes: require_image_format_match), by the signatures documented in
// oslo.utils' imageutils.format_inspector. The final check, with QEMU, is done by the host or
// volume service that uses the image: ADR 17.
import type { Fault } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';

export interface ImageFormats {
  diskFormat: string | null;
  containerFormat: string | null;
}

/** The parts of an image's data from which its format is determined. */
export interface ContentEnds {
  /** The first `headBytes` bytes, or all if there are fewer. */
  head: Buffer;
  /** The last `tailBytes` bytes, or all if there are fewer. */
  tail: Buffer;
}

/** Signatures and a VMDK's descriptor are within these bytes. */
export const headBytes = 64 * 1024;
/** A fixed VHD has its only header, a footer, in these last bytes. */
export const tailBytes = 512;

type Detected = 'qcow2' | 'qed' | 'vhd' | 'vhdx' | 'vmdk' | 'vdi' | 'ploop' | 'luks' | 'iso';

function startsWith(bytes: Buffer, text: string, at = 0): boolean {
  return bytes.subarray(at, at + text.length).toString('latin1') === text;
}

// Layouts: QEMU's docs/interop (qcow2, qed, parallels), block/vpc.c, block/vhdx.h, block/vmdk.c,
// block/vdi.c; LUKS; ECMA-119 (ISO 9660), ECMA-167 (UDF).
const signatures: Readonly<Record<Detected, (ends: ContentEnds) => boolean>> = {
  qcow2: ({ head }) => startsWith(head, 'QFI\xfb'),
  qed: ({ head }) => startsWith(head, 'QED\0'),
  vhd: ({ head }) => startsWith(head, 'conectix'),
  vhdx: ({ head }) => startsWith(head, 'vhdxfile'),
  vmdk: ({ head }) =>
    startsWith(head, 'KDMV') || startsWith(head, 'COWD') || isVmdkDescriptor(head),
  vdi: ({ head }) => head.length >= 68 && head.readUInt32LE(64) === 0xbeda107f,
  ploop: ({ head }) => startsWith(head, 'WithoutFreeSpace') || startsWith(head, 'WithouFreSpacExt'),
  luks: ({ head }) => startsWith(head, 'LUKS\xba\xbe'),
  iso: ({ head }) =>
    ['CD001', 'NSR02', 'NSR03', 'BEA01'].some((name) => startsWith(head, name, 32 * 1024 + 1)),
};

const descriptorLookBytes = 4096;

/**
 * Whether the head is a VMDK text descriptor. QEMU recognises one by its first line that is no
 * comment, which gives the version.
 */
function isVmdkDescriptor(head: Buffer): boolean {
  for (const line of head.subarray(0, descriptorLookBytes).toString('latin1').split('\n')) {
    const text = line.trim().toLowerCase();
    if (text.startsWith('# disk descriptorfile') || text.startsWith('#disk descriptorfile'))
      return true;
    if (text !== '' && !text.startsWith('#')) return /^version=\d$/.test(text);
  }
  return false;
}

/** Container formats whose content is a bare disk; the content of others is not checked. */
const bareContainers: ReadonlySet<string | null> = new Set(['bare', 'ami', 'aki', 'ari']);
/** Parts of Amazon machine images may have any content: stock Nova does not check them, either. */
const anyContent: ReadonlySet<string | null> = new Set(['ami', 'aki', 'ari']);

/**
 * Checks that the content has the image's format. unsupportedMediaType, with the reason: the
 * content has another format, several formats, or refers to other files.
 */
export function checkContent(
  { diskFormat, containerFormat }: ImageFormats,
  ends: ContentEnds,
): Fault | undefined {
  if (!bareContainers.has(containerFormat) || anyContent.has(diskFormat) || diskFormat === null)
    return undefined;
  const detected = (Object.keys(signatures) as Detected[]).filter((format) =>
    signatures[format](ends),
  );
  // A fixed VHD has its signature only at the end, where a raw disk may have any bytes.
  const isFixedVhd = diskFormat === 'vhd' && startsWith(ends.tail, 'conectix');
  const others = detected.filter((format) => format !== diskFormat);
  // A raw image may be an ISO: a volume created from an ISO is uploaded again as a raw image.
  const foreign = diskFormat === 'raw' ? others.filter((format) => format !== 'iso') : others;
  if (foreign.length > 0) return mismatch(diskFormat, `it looks like ${foreign.join(' and ')}`);
  const hasSignature = diskFormat === 'raw' || isFixedVhd || others.length < detected.length;
  if (!hasSignature) return mismatch(diskFormat, 'it has no such signature');
  const unsafe = unsafeFeature(diskFormat, ends.head);
  return unsafe === undefined
    ? undefined
    : fault('unsupportedMediaType', `The image cannot be used: ${unsafe}.`);
}

function mismatch(diskFormat: string, why: string): Fault {
  return fault(
    'unsupportedMediaType',
    `The content of the image does not match its disk_format ${diskFormat}: ${why}.`,
  );
}

/** The reason why QEMU might open other files; undefined: none found. */
function unsafeFeature(diskFormat: string, head: Buffer): string | undefined {
  if (diskFormat === 'qcow2') return unsafeQcow2(head);
  return diskFormat === 'vmdk' ? unsafeVmdk(head) : undefined;
}

const qcow2HeaderBytes = 80;
const externalDataFile = 1n << 2n;
/**
 * The bits of incompatible features that QEMU defines for qcow2 headers, 0 to 4: dirty, corrupt,
 * external data file, compression type, extended L2 entries.
 */
const definedFeatures = 0b11111n;

/** Why the qcow2 image is refused; undefined: it is safe. Layout: QEMU's docs/interop/qcow2.txt. */
function unsafeQcow2(head: Buffer): string | undefined {
  if (head.length < 72) return 'its header is cut off';
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) return `it is qcow of version ${version}`;
  if (head.readBigUInt64BE(8) !== 0n) return 'it refers to a backing file';
  if (head.readUInt32BE(32) !== 0) return 'it is encrypted';
  if (version === 2) return undefined;
  if (head.length < qcow2HeaderBytes) return 'its header is cut off';
  const features = head.readBigUInt64BE(72);
  if ((features & externalDataFile) !== 0n) return 'it refers to a data file';
  return (features & ~definedFeatures) === 0n ? undefined : 'it needs unknown features';
}

const sectorBytes = 512;
const selfContained: ReadonlySet<string> = new Set(['monolithicsparse', 'streamoptimized']);

/**
 * Why the VMDK image is refused; undefined: it is safe. Layout: VMware's "Virtual Disk Format 5.0",
 * hosted sparse extents. Descriptors are case-insensitive.
 */
function unsafeVmdk(head: Buffer): string | undefined {
  if (!startsWith(head, 'KDMV')) return 'its data may lie in other files';
  if (head.length < sectorBytes) return 'its header is cut off';
  // With capacity 0 in the header, the embedded descriptor determines which files are opened.
  if (head.readBigUInt64LE(12) === 0n) return 'its data may lie in other files';
  const [at, sectors] = [Number(head.readBigUInt64LE(28)), Number(head.readBigUInt64LE(36))];
  if (at === 0) return undefined; // no embedded descriptor: streams may have it at the end
  if ((at + sectors) * sectorBytes > headBytes) return 'its descriptor is too large';
  const text = head
    .subarray(at * sectorBytes, (at + sectors) * sectorBytes)
    .toString('latin1')
    .toLowerCase();
  const types = [...text.matchAll(/createtype\s{0,8}=\s{0,8}"?([a-z0-9]{0,40})/g)].map(
    ([, type = '']) => type,
  );
  const isSelfContained = types.length === 1 && types.every((type) => selfContained.has(type));
  if (!isSelfContained)
    return `VMDK images of type ${types.join(', ') || 'unknown'} are not supported`;
  return /parentcid\s{0,8}=\s{0,8}(?!f{8})/.test(text) ? 'it refers to a parent' : undefined;
}
