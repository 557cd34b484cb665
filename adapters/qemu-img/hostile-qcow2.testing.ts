// Hostile images whose qcow2 header refers to other files or is damaged. Part of the corpus of
// hostile-images.testing.ts.
import { readFile } from 'node:fs/promises';
import { be32, be64, create, patch, type Add, type Bait } from './write-hostile-image.testing.ts';

/**
 * Images with a backing file: by path, by relative path, by each protocol, and nested in QEMU's
 * JSON syntax.
 */
export async function addBacking(add: Add, { file, port }: Bait): Promise<void> {
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
    // Replaces the type of the header extension for the backing format (0xe2792aca) by an unknown
    // one.
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

export async function addQcow2Tricks(add: Add, { file }: Bait): Promise<void> {
  const dataFile = async (path: string, target: string): Promise<void> => {
    await create('qcow2', '1M')(path);
    await patch(path, 72, be64(1n << 2n)); // incompatible feature: external data file
    // Inserts header extension 0x44415441 ("DATA", the data file's name) after the header's 112
    // bytes, before the other extensions.
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
