// Images that a hostile tenant could send: each format that qemu-img knows, with references to
// other files, decoys, false sizes and damage. All are sparse or tiny. Used by the tests of every
// way that an image takes through the cloud.
import { execFile } from 'node:child_process';
import { copyFile, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface HostileImage {
  name: string;
  path: string;
  /** What its owner says that it is. */
  diskFormat: string;
}

/** What the images point at. Nothing of it may ever be opened for them. */
export interface Bait {
  /** A file whose bytes must not be found anywhere. */
  file: string;
  /** A port of this machine on which nobody may be called. */
  port: number;
}

const kib = 1024;
const mib = kib ** 2;

/**
 * Writes more than 60 images into `folder`. Their disks are to be refused where they have more than
 * 1 GiB.
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

type Add = (
  name: string,
  diskFormat: string,
  make: (path: string) => Promise<unknown>,
) => Promise<void>;
/**
 * Making a LUKS header, QEMU measures the CPU time of its key derivation and now and then gets none
 * ("Unable to get accurate CPU usage"): another try does.
 */
async function qemuImg(...args: string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run('qemu-img', args);
      return;
    } catch (error) {
      if (attempt === 10 || !String(error).includes('accurate CPU usage')) throw error;
    }
  }
}
const create =
  (format: string, size: string, ...options: string[]) =>
  async (path: string): Promise<unknown> =>
    await qemuImg('create', '-q', '-f', format, ...options, path, size);

async function patch(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
}
const be32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const be64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const le64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
};

/** Backing files: by path, by relative path, by each protocol, and nested in QEMU's own JSON. */
async function addBacking(add: Add, { file, port }: Bait): Promise<void> {
  const targets: Record<string, string> = {
    'a path': file,
    'a relative path': `../../../../../../../..${file}`,
    'file:': `file:${file}`,
    'json: file': `json:${JSON.stringify({ driver: 'raw', file: { driver: 'file', filename: file } })}`,
    'json: nested': `json:${JSON.stringify({ driver: 'raw', file: { driver: 'raw', file: { driver: 'file', filename: file } } })}`,
    'nbd:': `nbd:127.0.0.1:${port}`,
    'nfs:': `nfs://127.0.0.1/vol/x?nfsport=${port}`,
    'http:': `http://127.0.0.1:${port}/x`,
    'blkdebug:': `blkdebug::${file}`,
    'fat:': 'fat:/etc',
    'null-co:': 'null-co://',
    'its own name': '/image',
    'a device': '/dev/vda',
    'fd 0': '/dev/fd/0',
    proc: '/proc/self/environ',
  };
  for (const [what, target] of Object.entries(targets)) {
    await add(
      `qcow2 with a backing file: ${what}`,
      'qcow2',
      create('qcow2', '1M', '-u', '-b', target, '-F', 'raw'),
    );
  }
  await add('qcow2 without the format of its backing file', 'qcow2', async (path) => {
    await create('qcow2', '1M', '-u', '-b', file, '-F', 'raw')(path);
    // Turns the header extension of the format (0xe2792aca) into an unknown one.
    const bytes = await readFile(path);
    await patch(path, bytes.indexOf(be32(0xe2792aca)), be32(0x11111111));
  });
  const qcow = async (path: string): Promise<void> => {
    await create('qcow', '1M')(path);
    const end = (await readFile(path)).length;
    await patch(path, end, Buffer.from(file));
    await patch(path, 8, Buffer.concat([be64(BigInt(end)), be32(file.length)]));
  };
  const qed = create('qed', '1M', '-u', '-b', file, '-F', 'raw');
  for (const diskFormat of ['qcow2', 'raw']) {
    await add(`qcow with a backing file, said to be ${diskFormat}`, diskFormat, qcow);
    await add(`qed with a backing file, said to be ${diskFormat}`, diskFormat, qed);
  }
  await add(
    'qcow2 with a backing file, said to be raw',
    'raw',
    create('qcow2', '1M', '-u', '-b', file, '-F', 'raw'),
  );
  await add(
    'qcow2 with a backing file, said to be an ISO',
    'iso',
    create('qcow2', '1M', '-u', '-b', file, '-F', 'raw'),
  );
  await add(
    'qcow2 with a backing file, said to be vmdk',
    'vmdk',
    create('qcow2', '1M', '-u', '-b', file, '-F', 'raw'),
  );
}

async function addQcow2Tricks(add: Add, { file }: Bait): Promise<void> {
  const dataFile = async (path: string, target: string): Promise<void> => {
    await create('qcow2', '1M')(path);
    await patch(path, 72, be64(1n << 2n)); // incompatible feature: external data file
    // Header extension 0x44415441, "DATA": its name. Before the others, which follow the 112 bytes
    // of the header.
    const name = Buffer.alloc(Math.ceil(target.length / 8) * 8);
    name.write(target);
    await patch(path, 104, be32(112));
    await patch(
      path,
      112,
      Buffer.concat([be32(0x44415441), be32(target.length), name, be32(0), be32(0)]),
    );
  };
  await add('qcow2 with a data file', 'qcow2', async (path) => await dataFile(path, file));
  await add(
    'qcow2 with a data file in JSON',
    'qcow2',
    async (path) =>
      await dataFile(path, `json:${JSON.stringify({ driver: 'file', filename: file })}`),
  );
  await add('qcow2 with a data file, raw', 'qcow2', async (path) => {
    await dataFile(path, file);
    await patch(path, 88, be64(1n << 1n)); // autoclear feature: the data file is raw
  });
  await add('qcow2 with a data file and a backing file', 'qcow2', async (path) => {
    await create('qcow2', '1M', '-u', '-b', file, '-F', 'raw')(path);
    await patch(path, 72, be64(1n << 2n));
  });
  await add('qcow2 with unknown incompatible features', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 72, be64(1n << 40n));
  });
  await add(
    'qcow2, encrypted by LUKS',
    'qcow2',
    create(
      'qcow2',
      '1M',
      '--object',
      'secret,id=s,data=x',
      '-o',
      'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10',
    ),
  );
  await add('qcow2, said to be encrypted by AES', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 32, be32(1));
  });
  await add('qcow2 marked as corrupt', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 72, be64(1n << 1n));
  });
  await add('qcow2 of version 99', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 4, be32(99));
  });
  await add('qcow2 with clusters of 2^31 bytes', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 20, be32(31));
  });
  await add('qcow2 with an L1 table of 2^31 entries', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 36, be32(0x7fff_ffff));
  });
  await add('qcow2 with a refcount table of 2^31 clusters', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 56, be32(0x7fff_ffff));
  });
  await add('qcow2 with 2^31 snapshots', 'qcow2', async (path) => {
    await create('qcow2', '1M')(path);
    await patch(path, 60, be32(0x7fff_ffff));
  });
}

const descriptor = (
  createType: string,
  extents: readonly string[],
  more: readonly string[] = [],
): string =>
  [
    '# Disk DescriptorFile',
    'version=1',
    'CID=12345678',
    'parentCID=ffffffff',
    ...more,
    `createType="${createType}"`,
    '',
    '# Extent description',
    ...extents,
    '',
    '# The Disk Data Base',
    'ddb.adapterType = "ide"',
    '',
  ].join('\n');

/** VMDK: what a descriptor says decides which files are opened (CVE-2022-47951). */
async function addVmdks(add: Add, { file }: Bait): Promise<void> {
  const flat = `RW 2048 FLAT "${file}" 0`;
  const text = async (name: string, content: string): Promise<void> =>
    await add(name, 'vmdk', async (path) => await writeFile(path, content));
  for (const type of [
    'monolithicFlat',
    'twoGbMaxExtentFlat',
    'vmfs',
    'twoGbMaxExtentSparse',
    'vmfsSparse',
    'monolithicSparse',
    'streamOptimized',
    'custom',
    'fullDevice',
    'partitionedDevice',
  ]) {
    await text(
      `vmdk descriptor ${type}`,
      descriptor(type, [
        type === 'vmfs'
          ? `RW 2048 VMFS "${file}"`
          : type.endsWith('Sparse')
            ? `RW 2048 SPARSE "${file}"`
            : flat,
      ]),
    );
  }
  await text(
    'vmdk descriptor with a decoy type before',
    descriptor('monolithicFlat', [flat], ['createType="monolithicSparse"']),
  );
  await text(
    'vmdk descriptor with a decoy type after',
    `${descriptor('monolithicFlat', [flat])}createType="streamOptimized"\n`,
  );
  await text(
    'vmdk descriptor with a decoy in a comment',
    descriptor('monolithicFlat', [flat], ['# createType="monolithicSparse"']),
  );
  await text(
    'vmdk descriptor with another case',
    descriptor('monolithicFlat', [flat]).replace('createType', 'CREATETYPE'),
  );
  await text('vmdk descriptor behind an empty line', `\n${descriptor('monolithicFlat', [flat])}`);
  await text('vmdk descriptor with two extents', descriptor('monolithicFlat', [flat, flat]));
  await text(
    'vmdk descriptor with a relative extent',
    descriptor('monolithicFlat', [`RW 2048 FLAT "../../../../../../../..${file}" 0`]),
  );
  await text(
    'vmdk descriptor with a JSON extent',
    descriptor('monolithicFlat', [`RW 2048 FLAT "json:{'driver':'file','filename':'${file}'}" 0`]),
  );
  await text(
    'vmdk descriptor with itself as an extent',
    descriptor('monolithicFlat', ['RW 2048 FLAT "image" 0']),
  );
  await text(
    'vmdk descriptor with a parent',
    descriptor(
      'monolithicSparse',
      ['RW 2048 SPARSE "image"'],
      [`parentFileNameHint="${file}"`],
    ).replace('parentCID=ffffffff', 'parentCID=12345678'),
  );
  await text(
    'vmdk descriptor of a thousand extents',
    descriptor(
      'twoGbMaxExtentFlat',
      Array.from({ length: 1000 }, () => flat),
    ),
  );
  await add('vmdk, sparse, whose descriptor has a parent', 'vmdk', async (path) => {
    await create('vmdk', '1M')(path);
    const bytes = await readFile(path);
    await patch(path, bytes.indexOf('parentCID=ffffffff'), Buffer.from('parentCID=00000001'));
  });
  await add(
    'vmdk, sparse header without a disk: its descriptor names extents',
    'vmdk',
    async (path) => {
      await create('vmdk', '1M')(path);
      // capacity 0: QEMU reads the embedded descriptor as if it were the file
      await patch(path, 12, le64(0n));
      const embedded = Buffer.alloc(10 * kib);
      embedded.write(descriptor('monolithicFlat', [flat]));
      await patch(path, 512, embedded);
    },
  );
  await add('vmdk, sparse, whose descriptor says flat', 'vmdk', async (path) => {
    await create('vmdk', '1M')(path);
    const embedded = Buffer.alloc(10 * kib);
    embedded.write(descriptor('monolithicFlat', [flat]));
    await patch(path, 512, embedded);
  });
  await add(
    'vmdk descriptor, said to be qcow2',
    'qcow2',
    async (path) => await writeFile(path, descriptor('monolithicFlat', [flat])),
  );
  await add(
    'vmdk descriptor, said to be raw',
    'raw',
    async (path) => await writeFile(path, descriptor('monolithicFlat', [flat])),
  );
}

/** Formats that no image may have, under each name that one may. */
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

/** A small file that says to be a huge disk, or to need huge tables. */
async function addFalseSizes(add: Add): Promise<void> {
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

async function addDamage(add: Add): Promise<void> {
  const formats = {
    qcow2: 'qcow2',
    vmdk: 'vmdk',
    vdi: 'vdi',
    vhd: 'vpc',
    vhdx: 'vhdx',
    ploop: 'parallels',
  } as const;
  for (const [diskFormat, format] of Object.entries(formats)) {
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
