// Config drive images are read by others: by xorriso here, by the guest's kernel in
// libvirt.test.ts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { iso9660 } from './iso9660.ts';

const run = promisify(execFile);
const bytes = (from: Record<string, string>): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(from).map(([name, text]) => [name, Buffer.from(text)]));
const hasXorriso = await access('/usr/bin/xorriso').then(
  () => true,
  () => false,
);

const texts: Record<string, string> = {
  'openstack/latest/meta_data.json': '{"hostname": "größe"}',
  'openstack/latest/user_data': '#!/bin/sh\n'.repeat(5_000),
  'openstack/2018-08-27/meta_data.json': '{}',
  'openstack/content/0000': '',
  'ec2/latest/meta-data.json': '{}',
  ...Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `many/a-file-with-a-rather-long-name-${i}.json`,
      String(i),
    ]),
  ),
};
const files = bytes(texts);

describe('iso9660', () => {
  it('gives the same bytes for the same files, and has the label where blkid looks', () => {
    const image = iso9660('config-2', files);
    assert.deepEqual(image, iso9660('config-2', files));
    assert.equal(image.toString('latin1', 16 * 2048 + 40, 16 * 2048 + 72), 'config-2'.padEnd(32));
    assert.equal(image.length % 2048, 0);
    assert.ok(image.length > 0x11000, 'readers look this far');
  });

  it('refuses paths that leave the drive or clash', () => {
    for (const bad of ['../x', '/x', 'a//b', 'a/./b', 'x'.repeat(65)])
      assert.throws(() => iso9660('l', bytes({ [bad]: '' })), /not a path/);
    assert.throws(() => iso9660('l', bytes({ a: '', 'a/b': '' })), /both a file and a folder/);
  });

  for (const tree of ['rockridge', 'joliet']) {
    it(
      `is read back whole by xorriso over ${tree}`,
      { skip: hasXorriso ? false : 'xorriso is not installed' },
      async () => {
        const folder = await mkdtemp(path.join(os.tmpdir(), 'cobalt-iso-'));
        try {
          const image = path.join(folder, 'drive.iso');
          await writeFile(image, iso9660('config-2', files));
          await run('xorriso', [
            '-abort_on',
            'WARNING',
            '-osirrox',
            'on',
            ...(tree === 'joliet' ? ['-read_fs', 'norock'] : []),
            '-indev',
            image,
            '-extract',
            '/',
            path.join(folder, 'out'),
          ]);
          for (const [name, content] of Object.entries(files))
            assert.deepEqual(await readFile(path.join(folder, 'out', name)), content, name);
        } finally {
          await run('chmod', ['-R', 'u+w', folder]);
          await rm(folder, { recursive: true });
        }
      },
    );
  }
});
