// The NFS client of adapters/nfs on a real server.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openShare } from '#adapters/nfs/share.ts';
import type { NfsShare } from '#adapters/nfs/share.ts';
import { Fault, isFault } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { TestFiler } from './filer.testing.ts';
import { filerMissing, startFiler } from './filer.testing.ts';

describe('an NFS share', { skip: filerMissing(), timeout: 120_000 }, () => {
  let filer: TestFiler;
  let share: NfsShare;
  const kind = (outcome: unknown): string => (outcome instanceof Fault ? outcome.kind : 'no fault');

  before(async () => {
    filer = await startFiler();
    share = openShare(filer, { timeoutMs: 3_000 });
  });
  after(async () => {
    share.close();
    await filer.close();
  });

  test('writes a text whole, reads it, replaces it', async () => {
    const long = 'x'.repeat(300_000);
    for (const text of ['hello', long, '']) {
      assert.equal(await share.writeText('a.info', text), undefined);
      assert.equal(await share.readText('a.info'), text);
      assert.equal(readFileSync(join(filer.folder, 'a.info'), 'utf8'), text);
    }
    assert.deepEqual(
      [...((await share.list()) as Map<string, unknown>).keys()],
      ['a.info'],
      'no temporary file is left',
    );
  });

  test('lists some hundred files with their sizes', async () => {
    // Created through the share: the server does not notice at once files that appear behind its
    // back.
    await Promise.all(
      Array.from({ length: 700 }, async (_, index) =>
        assert.equal(await share.writeText(`many-${index}`, 'x'.repeat(index)), undefined),
      ),
    );
    const found = await share.list();
    assert.ok(!isFault(found));
    assert.equal(found.size, 701);
    assert.equal(found.get('many-699')?.sizeBytes, 699);
    const one = await share.stat('many-5');
    assert.ok(!isFault(one) && one.kind === 'file' && one.sizeBytes === 5);
  });

  test('renames and removes, both safe to repeat', async () => {
    assert.equal(await share.writeText('from', '1'), undefined);
    assert.equal(await share.rename('from', 'to'), undefined);
    assert.equal(await share.rename('from', 'to'), undefined);
    assert.equal(kind(await share.rename('never', 'there')), 'notFound');
    assert.equal(await share.remove('to'), undefined);
    assert.equal(await share.remove('to'), undefined);
    assert.equal(kind(await share.stat('to')), 'notFound');
    assert.equal(kind(await share.readText('to')), 'notFound');
  });

  test('tells the space of the server', async () => {
    const space = await share.space();
    assert.ok(!isFault(space) && space.totalBytes > space.freeBytes && space.freeBytes > 0);
  });

  test('survives the death of the server', async () => {
    await filer.kill();
    await eventually(async () => (await share.readText('a.info')) === '', {
      withinMs: 20_000,
      what: 'the file to be readable again',
    });
  });

  test('finds its way after handles have become stale', async () => {
    const elsewhere = `${filer.folder}.old`;
    renameSync(filer.folder, elsewhere);
    mkdirSync(filer.folder);
    writeFileSync(join(filer.folder, 'new'), 'here');
    rmSync(elsewhere, { recursive: true });
    assert.ok(
      ['unavailable', 'notFound'].includes(kind(await share.readText('new'))),
      'the server still looks into the old one',
    );
    await filer.kill();
    await eventually(async () => (await share.readText('new')) === 'here', {
      withinMs: 20_000,
      what: 'the new folder',
    });
  });

  test('a share that is not exported, and a server that is not there, are unavailable', async () => {
    for (const address of [
      { server: filer.server, path: '/nothing' },
      { server: filer.server.replace(/\d+$/, '253'), path: '/vol' },
    ]) {
      const missing = openShare(address, { timeoutMs: 1_000 });
      const listed = await missing.list();
      assert.ok(isFault(listed));
      assert.ok(['unavailable', 'notFound'].includes(listed.kind), listed.message);
      missing.close();
    }
  });
});
