// The disk formats that tests create with qemu-img.
import type { QemuFormat } from './disk-formats.ts';

/**
 * Glance's name, QEMU's name, and qemu-img options for an image that is accepted. Without vhd,
 * because QEMU rounds its size by default.
 */
export const acceptedFormats: readonly (readonly [string, QemuFormat, ...string[]])[] = [
  ['raw', 'raw'],
  ['iso', 'raw'],
  ['qcow2', 'qcow2'],
  ['vmdk', 'vmdk'],
  ['vmdk', 'vmdk', '-o', 'subformat=streamOptimized'],
  ['vdi', 'vdi'],
  ['vhdx', 'vhdx'],
  ['ploop', 'parallels'],
];
