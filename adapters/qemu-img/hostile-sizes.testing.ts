// Hostile images that claim to be huge, or to need huge tables. Part of the corpus of
// hostile-images.testing.ts.
import { readFile, truncate, writeFile } from 'node:fs/promises';
import {
  be64,
  create,
  kib,
  le64,
  patch,
  qemuImg,
  type Add,
} from './write-hostile-image.testing.ts';

/** Small files that claim to be huge disks, or to need huge tables. */
export async function addFalseSizes(add: Add): Promise<void> {
  await add('qcow2 of 1 PiB', 'qcow2', create('qcow2', '1P', '-o', 'cluster_size=2M'));
  await add('qcow2 of 8 EiB', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 24, be64(2n ** 63n - 1n));
  });
  await add('qcow2 of a negative size', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 24, be64(2n ** 64n - 512n));
  });
  await add(
    'qcow2 with clusters of 512 bytes for 64 GiB',
    'qcow2',
    create('qcow2', '64G', '-o', 'cluster_size=512'),
  );
  await add('vmdk of 4 TiB', 'vmdk', create('vmdk', '4T'));
  await add('vmdk of 2^63 sectors', 'vmdk', async (path) => {
    await create('vmdk', '1M')(path);
    await patch(path, 12, le64(2n ** 62n));
  });
  await add('vdi of 16 TiB', 'vdi', create('vdi', '16T'));
  await add('vdi of 8 EiB', 'vdi', async (path) => {
    await create('vdi', '1M')(path);
    await patch(path, 368, le64(2n ** 63n - 512n));
  });
  await add('vhd of 2 TiB', 'vhd', create('vpc', '2000G'));
  await add('vhdx of 64 TiB', 'vhdx', create('vhdx', '63T'));
  await add('ploop of 2 TiB', 'ploop', create('parallels', '2T'));
  await add('raw of 1 TiB, all holes', 'raw', async (path) => {
    await writeFile(path, '');
    await truncate(path, 2 ** 40);
  });
  await add('qcow2 bomb: each cluster of 2 GiB is the same compressed one', 'qcow2', makeQcow2Bomb);
}

/**
 * A disk of 2 GiB in a few KiB: one compressed cluster, which every entry of every L2 table names.
 */
export async function makeQcow2Bomb(path: string): Promise<void> {
  const source = `${path}.raw`;
  await writeFile(source, Buffer.alloc(64 * kib, 'A'));
  await qemuImg('convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', source, path);
  const bytes = await readFile(path);
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
  const entry = bytes.subarray(l2, l2 + 8);
  for (let at = l2; at < l2 + 64 * kib; at += 8) entry.copy(bytes, at);
  const l1Entry = Buffer.from(bytes.subarray(l1, l1 + 8));
  for (let index = 0; index < 4; index += 1) l1Entry.copy(bytes, l1 + index * 8);
  bytes.writeBigUInt64BE(2n * 2n ** 30n, 24);
  bytes.writeUInt32BE(4, 36);
  await writeFile(path, bytes);
}
