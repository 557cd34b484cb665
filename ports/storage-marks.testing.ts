// The contract of ports/storage-marks.ts as a test suite, run by every driver.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { StorageMarks } from './storage-marks.ts';

/** Registers the suite. `open`: opens the same storage twice, as two hosts do. */
export function storageMarksContract(open: () => { one: StorageMarks; other: StorageMarks }): void {
  test('a mark is read by another host at once, and again when it has changed', async () => {
    const { one, other } = open();
    for (const mark of ['boot:1', 'boot:2', 'x'.repeat(255)]) {
      assert.equal(await one.write('h1', mark), undefined);
      assert.equal(await other.read('h1'), mark);
      assert.equal(await one.read('h1'), mark);
    }
    assert.equal(await other.write('h2', 'its own'), undefined);
    assert.equal(await one.read('h2'), 'its own');
    assert.equal(await one.read('h1'), 'x'.repeat(255));
  });

  test('a host that has never written has none', async () => {
    const found = await open().one.read('nobody');
    assert.ok(isFault(found) && found.kind === 'notFound', JSON.stringify(found));
  });
}
