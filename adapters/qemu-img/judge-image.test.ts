import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { QemuFormat } from './disk-formats.ts';
import { judgeImage, type ImageInfo } from './judge-image.ts';

const gib = 2 ** 30;
const qcow2: ImageInfo = {
  format: 'qcow2',
  filename: '/image',
  'virtual-size': gib,
  'cluster-size': 65_536,
  'format-specific': { data: { compat: '1.1', corrupt: false } },
};
const extent = { 'virtual-size': gib, filename: '/image', 'cluster-size': 65_536, format: '' };
const vmdk: ImageInfo = {
  format: 'vmdk',
  filename: '/image',
  'virtual-size': gib,
  'cluster-size': 65_536,
  'format-specific': {
    data: {
      cid: 1,
      'parent-cid': 0xffff_ffff,
      'create-type': 'monolithicSparse',
      extents: [extent],
    },
  },
};
const withData = (info: ImageInfo, data: object): ImageInfo => ({
  ...info,
  'format-specific': { data: { ...info['format-specific']?.data, ...data } },
});

test('an image that stands on its own has its size', () => {
  for (const [info, format] of [
    [qcow2, 'qcow2'],
    [vmdk, 'vmdk'],
    [withData(vmdk, { 'create-type': 'streamOptimized' }), 'vmdk'],
    [{ ...qcow2, format: 'vdi', 'format-specific': {} }, 'vdi'],
  ] as [ImageInfo, QemuFormat][]) {
    assert.equal(judgeImage(info, format, gib), gib);
  }
});

test('whatever in a report names another file refuses the image', () => {
  const reports: [ImageInfo, QemuFormat][] = [
    [{ ...qcow2, 'backing-filename': '/etc/passwd' } as ImageInfo, 'qcow2'],
    [{ ...qcow2, 'full-backing-filename': '/image' } as ImageInfo, 'qcow2'],
    [{ ...qcow2, 'backing-image': qcow2 } as ImageInfo, 'qcow2'],
    [withData(qcow2, { 'data-file': '/etc/passwd' }), 'qcow2'],
    [withData(qcow2, { 'data-file-raw': true }), 'qcow2'],
    // QEMU 8.1 and later list the opened files as children.
    [
      {
        ...qcow2,
        children: [{ name: 'file', info: { ...qcow2, format: 'file', filename: '/etc/passwd' } }],
      } as ImageInfo,
      'qcow2',
    ],
    [withData(vmdk, { extents: [{ ...extent, filename: '/etc/passwd' }] }), 'vmdk'],
    [withData(vmdk, { extents: [extent, extent] }), 'vmdk'],
    [withData(vmdk, { extents: [] }), 'vmdk'],
    [withData(vmdk, { extents: undefined }), 'vmdk'],
    [withData(vmdk, { 'parent-cid': 1 }), 'vmdk'],
    ...[
      'monolithicFlat',
      'twoGbMaxExtentFlat',
      'twoGbMaxExtentSparse',
      'vmfs',
      'vmfsSparse',
      'custom',
      undefined,
    ].map((type): [ImageInfo, QemuFormat] => [withData(vmdk, { 'create-type': type }), 'vmdk']),
  ];
  for (const [info, format] of reports) {
    const judged = judgeImage(info, format, gib);
    assert.ok(isFault(judged) && judged.kind === 'badRequest', JSON.stringify(info));
    assert.doesNotMatch(judged.message, /\//, 'no path');
  }
});

test('an image of another format, encrypted or corrupt is refused', () => {
  for (const [info, words] of [
    [{ ...qcow2, format: 'raw' }, /not of its disk format/],
    [{ ...qcow2, encrypted: true }, /encrypted/],
    [withData(qcow2, { corrupt: true }), /corrupt/],
  ] as const) {
    const judged = judgeImage(info, 'qcow2', gib);
    assert.ok(isFault(judged) && judged.kind === 'badRequest' && words.test(judged.message));
  }
});

test('sizes are bounded before anything is converted', () => {
  const kindOf = (info: ImageInfo, max = 2 ** 50): string => {
    const judged = judgeImage(info, 'qcow2', max);
    return isFault(judged) ? judged.kind : 'accepted';
  };
  assert.equal(kindOf(qcow2, gib), 'accepted');
  assert.equal(kindOf(qcow2, gib - 1), 'tooLarge');
  for (const size of [2 ** 63, -1, Number.NaN, 1.5])
    assert.equal(kindOf({ ...qcow2, 'virtual-size': size }), 'tooLarge', String(size));
  for (const size of [0, 1, 2 ** 22, -65_536])
    assert.equal(kindOf({ ...qcow2, 'cluster-size': size }), 'badRequest', String(size));
  assert.equal(
    kindOf({ ...qcow2, 'virtual-size': 2 ** 43 }),
    'accepted',
    '8 TiB in clusters of 64 KiB',
  );
  assert.equal(
    kindOf({ ...qcow2, 'virtual-size': 2 ** 43, 'cluster-size': 512 }),
    'badRequest',
    'and of 512 bytes',
  );
});
