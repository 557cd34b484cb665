// Runs the contract suite of ports/storage-marks.ts on a real NFS server, and tests that marks are
// not taken for volumes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createNfsStorageMarks, isMark } from '#adapters/nfs/nfs-storage-marks.ts';
import { openShare } from '#adapters/nfs/share.ts';
import { isFault } from '#contracts/common/fault.ts';
import { storageMarksContract } from '#ports/storage-marks.testing.ts';
import type { StorageMarks } from '#ports/storage-marks.ts';
import type { TestFiler } from './filer.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';

describe('storage marks on NFS', { skip: filerMissing(), timeout: 120_000 }, () => {
  let filer: TestFiler;
  const opened: StorageMarks[] = [];
  const open = (): StorageMarks => {
    const marks = createNfsStorageMarks(filer);
    opened.push(marks);
    return marks;
  };
  before(async () => {
    filer = await startFiler();
  });
  after(async () => {
    for (const marks of opened) marks.close();
    await filer.close();
  });

  storageMarksContract(() => ({ one: open(), other: open() }));

  test('nothing else is on the share than files that volumes leave alone', async () => {
    const share = openShare(filer);
    const files = await share.list();
    share.close();
    assert.ok(!isFault(files));
    assert.ok(files.size > 0);
    assert.deepEqual(
      [...files.keys()].filter((name) => !isMark(name)),
      [],
    );
  });
});
