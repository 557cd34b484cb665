// What every backup store promises, as tests. Called by the drivers' own tests.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { BackupStore } from '#ports/backup-store.ts';

export interface BackupStoreBench {
  store: BackupStore;
  /** A folder of the test's own, for files that backups are read into. */
  folder: string;
  /** Changes one byte of a backup's stored data. */
  damage(id: string): Promise<void>;
  close(): Promise<void>;
}

const options = { stallMs: 500 };
const data = Buffer.alloc(3_000_000, 'cobalt');
const chunks = () => Readable.from([data.subarray(0, 1_000_000), data.subarray(1_000_000)]);

export function backupStoreContract(name: string, start: () => Promise<BackupStoreBench>): void {
  const withBench = (title: string, work: (bench: BackupStoreBench) => Promise<void>): void => {
    test(`${name}: ${title}`, async () => {
      const bench = await start();
      try {
        await work(bench);
      } finally {
        await bench.close();
      }
    });
  };

  withBench('what is written is read back, with its checksum', async ({ store, folder }) => {
    const written = await store.write('b1', chunks(), options);
    assert.deepEqual(written, { sizeBytes: data.length, sha256: createHash('sha256').update(data).digest('hex') });
    assert.deepEqual(await store.read('b1', join(folder, 'copy')), written);
    assert.ok(data.equals(await readFile(join(folder, 'copy'))));
    assert.deepEqual(await store.list(), ['b1']);
  });

  withBench('writing twice leaves the second', async ({ store, folder }) => {
    await store.write('b1', chunks(), options);
    await store.write('b1', Readable.from([Buffer.from('short')]), options);
    await store.read('b1', join(folder, 'copy'));
    assert.equal(await readFile(join(folder, 'copy'), 'utf8'), 'short');
  });

  withBench('a source that breaks off or stalls leaves nothing', async ({ store }) => {
    const broken = Readable.from((async function* () {
      yield Buffer.from('half');
      throw new Error('the pipe burst');
    })());
    const first = await store.write('b1', broken, options);
    assert.ok(isFault(first) && first.kind === 'badRequest');
    const second = await store.write('b2', new Readable({ read: () => undefined }), options);
    assert.ok(isFault(second) && second.kind === 'badRequest');
    assert.deepEqual(await store.list(), []);
  });

  withBench('damaged data is never handed out', async ({ store, folder, damage }) => {
    await store.write('b1', chunks(), options);
    await damage('b1');
    const read = await store.read('b1', join(folder, 'copy'));
    assert.ok(isFault(read) && read.kind === 'conflict');
    await assert.rejects(access(join(folder, 'copy')));
  });

  withBench('removing is safe to repeat, and then there is no such backup', async ({ store, folder }) => {
    await store.write('b1', chunks(), options);
    assert.equal(await store.remove('b1'), undefined);
    assert.equal(await store.remove('b1'), undefined);
    const read = await store.read('b1', join(folder, 'copy'));
    assert.ok(isFault(read) && read.kind === 'notFound');
    assert.deepEqual(await store.list(), []);
  });
}
