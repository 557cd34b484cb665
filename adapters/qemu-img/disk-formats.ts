// Glance's disk formats and QEMU's names for them. Pure. The same mapping as in stock Cinder:
// cinder.image.image_utils, QEMU_IMG_FORMAT_MAP.

export type QemuFormat = 'raw' | 'qcow2' | 'vmdk' | 'vdi' | 'vpc' | 'vhdx' | 'parallels';

const qemuFormats: ReadonlyMap<string, QemuFormat> = new Map([
  ['raw', 'raw'],
  ['iso', 'raw'],
  ['ami', 'raw'],
  ['aki', 'raw'],
  ['ari', 'raw'],
  ['qcow2', 'qcow2'],
  ['vmdk', 'vmdk'],
  ['vdi', 'vdi'],
  ['vhd', 'vpc'],
  ['vhdx', 'vhdx'],
  ['ploop', 'parallels'],
]);

/** QEMU's name of Glance's disk format; undefined if there is no such format. */
export const qemuFormatOf = (diskFormat: string): QemuFormat | undefined =>
  qemuFormats.get(diskFormat);
