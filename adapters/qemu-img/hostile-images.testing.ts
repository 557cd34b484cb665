// A corpus of images that a hostile tenant could upload: each format that qemu-img knows, with
// references to other files, decoys, false sizes and damage. All are sparse or tiny. Used by the
// tests of every path by which an image enters the cloud.
import { copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { qemuFormatOf } from './disk-formats.ts';
import { addBacking, addQcow2Tricks } from './hostile-qcow2.testing.ts';
import { addFalseSizes } from './hostile-sizes.testing.ts';
import { addVmdks } from './hostile-vmdks.testing.ts';
import {
  be64,
  create,
  kib,
  mib,
  patch,
  type Add,
  type Bait,
} from './write-hostile-image.testing.ts';

export interface HostileImage {
  name: string;
  path: string;
  /** The disk format that its owner claims. */
  diskFormat: string;
}

/**
 * Writes more than 60 images into `folder`. All must be refused when disks are limited to 1 GiB.
 */
export async function makeHostileImages(folder: string, bait: Bait): Promise<HostileImage[]> {
  const images: HostileImage[] = [];
  const at = (name: string): string =>
    join(folder, `${images.length}-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`);
  const add = async (
    name: string,
    diskFormat: string,
    make: (path: string) => Promise<unknown>,
  ): Promise<void> => {
    const path = at(name);
    await make(path);
    images.push({ name, path, diskFormat });
  };
  await addBacking(add, bait);
  await addQcow2Tricks(add, bait);
  await addVmdks(add, bait);
  await addForeignFormats(add, bait);
  await addFalseSizes(add);
  await addDamage(add);
  return images;
}

/** Images in formats that are forbidden, each declared as every format that is allowed. */
async function addForeignFormats(add: Add, { file }: Bait): Promise<void> {
  await add(
    'LUKS, said to be raw',
    'raw',
    create('luks', '1M', '--object', 'secret,id=s,data=x', '-o', 'key-secret=s,iter-time=10'),
  );
  await add(
    'LUKS, said to be qcow2',
    'qcow2',
    create('luks', '1M', '--object', 'secret,id=s,data=x', '-o', 'key-secret=s,iter-time=10'),
  );
  await add(
    'dmg',
    'raw',
    async (path) =>
      await writeFile(
        path,
        Buffer.concat([Buffer.alloc(64 * kib), Buffer.from('koly'), Buffer.alloc(508)]),
      ),
  );
  await add(
    'cloop, said to be vdi',
    'vdi',
    async (path) =>
      await writeFile(
        path,
        Buffer.concat([Buffer.from('#!/bin/sh\n#V2.0 Format\n'), Buffer.alloc(64 * kib)]),
      ),
  );
  await add(
    'bochs, said to be vhdx',
    'vhdx',
    async (path) =>
      await writeFile(
        path,
        Buffer.concat([Buffer.from('Bochs Virtual HD Image'), Buffer.alloc(64 * kib)]),
      ),
  );
  await add('vhd, said to be qcow2', 'qcow2', create('vpc', '4M'));
  await add('vhdx, said to be vhd', 'vhd', create('vhdx', '4M'));
  await add('ploop, said to be vdi', 'vdi', create('parallels', '4M'));
  await add('an ISO that is also a qcow2 with a backing file', 'qcow2', async (path) => {
    await create('qcow2', '1M', '-u', '-b', file, '-F', 'raw')(path);
    await truncate(path, mib);
    await patch(path, 32 * kib, Buffer.from('\x01CD001\x01'));
  });
}

async function addDamage(add: Add): Promise<void> {
  for (const diskFormat of ['qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx', 'ploop']) {
    const format = qemuFormatOf(diskFormat) ?? 'raw';
    await add(`${diskFormat}, cut off within its header`, diskFormat, async (path) => {
      const whole = `${path}.whole`;
      await create(format, '4M')(whole);
      await copyFile(whole, path);
      await truncate(path, 40);
    });
    await add(`${diskFormat}, empty`, diskFormat, async (path) => await writeFile(path, ''));
  }
  await add('qcow2 whose L1 table lies beyond its end', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 40, be64(2n ** 50n));
  });
  await add('qcow2 whose clusters lie beyond its end', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    const l2 = 512 * kib;
    const l1 = Number((await readFile(path)).readBigUInt64BE(40));
    await patch(path, l1, be64((1n << 63n) | BigInt(l2)));
    await patch(path, l2, be64((1n << 63n) | (2n ** 40n)));
  });
}
