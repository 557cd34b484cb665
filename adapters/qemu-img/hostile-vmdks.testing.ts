// Hostile VMDK images: descriptors that name other files. Part of the corpus of
// hostile-images.testing.ts.
import { readFile, writeFile } from 'node:fs/promises';
import { create, kib, le64, patch, type Add, type Bait } from './write-hostile-image.testing.ts';

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

/** VMDK images whose descriptor names other files for QEMU to open (CVE-2022-47951). */
export async function addVmdks(add: Add, { file }: Bait): Promise<void> {
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
      // With capacity 0, QEMU reads the embedded descriptor as if it were the whole file.
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
