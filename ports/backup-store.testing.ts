// The contract of ports/backup-store.ts as a test suite, and a store in memory that fulfils it, for
// tests of the port's callers.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { BackupStore, StoredBackup } from './backup-store.ts';

export interface BackupStoreFixture {
  store: BackupStore;
  /** A folder of the test's own, for local files that backups are read into. */
  folder: string;
  /** Changes one byte of a backup's stored data. */
  damage(id: string): Promise<void>;
  close(): Promise<void>;
}

const options = { stallMs: 500 };
const data = Buffer.alloc(3_000_000, 'cobalt');
const chunks = () => Readable.from([data.subarray(0, 1_000_000), data.subarray(1_000_000)]);

export function backupStoreContract(name: string, start: () => Promise<BackupStoreFixture>): void {
  const withFixture = (
    title: string,
    work: (fixture: BackupStoreFixture) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, async () => {
      const fixture = await start();
      try {
        await work(fixture);
      } finally {
        await fixture.close();
      }
    });
  };

  withFixture('what is written is read back, with its checksum', async ({ store, folder }) => {
    const storedBackup = await store.write('b1', chunks(), options);
    assert.deepEqual(storedBackup, {
      sizeBytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
    });
    assert.deepEqual(await store.read('b1', join(folder, 'copy')), storedBackup);
    assert.ok(data.equals(await readFile(join(folder, 'copy'))));
    assert.deepEqual(await store.list(), ['b1']);
  });

  withFixture('writing twice leaves the second', async ({ store, folder }) => {
    await store.write('b1', chunks(), options);
    await store.write('b1', Readable.from([Buffer.from('short')]), options);
    await store.read('b1', join(folder, 'copy'));
    assert.equal(await readFile(join(folder, 'copy'), 'utf8'), 'short');
  });

  withFixture('a source that breaks off or stalls leaves nothing', async ({ store }) => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw new Error('the pipe burst');
      })(),
    );
    const first = await store.write('b1', broken, options);
    assert.ok(isFault(first) && first.kind === 'badRequest');
    const second = await store.write('b2', new Readable({ read: () => undefined }), options);
    assert.ok(isFault(second) && second.kind === 'badRequest');
    assert.deepEqual(await store.list(), []);
  });

  withFixture('damaged data is never handed out', async ({ store, folder, damage }) => {
    await store.write('b1', chunks(), options);
    await damage('b1');
    const read = await store.read('b1', join(folder, 'copy'));
    assert.ok(isFault(read) && read.kind === 'conflict');
    await assert.rejects(access(join(folder, 'copy')));
  });

  withFixture(
    'removing is safe to repeat, and then there is no such backup',
    async ({ store, folder }) => {
      await store.write('b1', chunks(), options);
      assert.equal(await store.remove('b1'), undefined);
      assert.equal(await store.remove('b1'), undefined);
      const read = await store.read('b1', join(folder, 'copy'));
      assert.ok(isFault(read) && read.kind === 'notFound');
      assert.deepEqual(await store.list(), []);
    },
  );
}

/** A backup store in memory. `backups`: its data by backup id, for tests to inspect and damage. */
export function memoryBackups(
  backups = new Map<string, { bytes: Buffer; note: StoredBackup }>(),
): BackupStore {
  const noteOf = (bytes: Buffer): StoredBackup => ({
    sizeBytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  return {
    name: 'memory',
    async write(id, source, { stallMs }) {
      backups.delete(id);
      const timer = setTimeout(() => source.destroy(new Error('stalled')), stallMs);
      try {
        const pieces: Buffer[] = [];
        for await (const chunk of source as AsyncIterable<Buffer>) {
          timer.refresh();
          pieces.push(chunk);
        }
        const bytes = Buffer.concat(pieces);
        backups.set(id, { bytes, note: noteOf(bytes) });
        return noteOf(bytes);
      } catch (error) {
        return fault('badRequest', String(error));
      } finally {
        clearTimeout(timer);
      }
    },
    async read(id, path) {
      const found = backups.get(id);
      if (!found) return fault('notFound', `There is no backup ${id}.`);
      if (noteOf(found.bytes).sha256 !== found.note.sha256)
        return fault('conflict', `The data of backup ${id} is not what was written.`);
      await writeFile(path, found.bytes);
      return found.note;
    },
    async remove(id) {
      backups.delete(id);
      return undefined;
    },
    list: async () => [...backups.keys()].sort(),
  };
}
