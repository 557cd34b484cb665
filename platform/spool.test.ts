import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLog } from './log.ts';
import { emptySpool, withSpoolFile } from './spool.ts';

let folder: string;
before(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'cobalt-spool-')), 'spool');
});
after(async () => await rm(join(folder, '..'), { recursive: true, force: true }));

test('a file is there for the time of its work, without an earlier leftover', async () => {
  await withSpoolFile(folder, 'a', async (path) => {
    assert.equal(existsSync(path), false);
    await writeFile(path, 'x');
  });
  assert.deepEqual(await readdir(folder), []);
  await writeFile(join(folder, 'a'), 'of a crash');
  await withSpoolFile(folder, 'a', async (path) => assert.equal(existsSync(path), false));
});

test('it is removed when its work fails', async () => {
  await assert.rejects(
    withSpoolFile(folder, 'b', async (path) => {
      await writeFile(path, 'x');
      throw new Error('broken');
    }),
    /broken/,
  );
  assert.deepEqual(await readdir(folder), []);
});

test('emptying removes what is older than the process, and nothing of its own', async () => {
  const startedAtMs = Date.UTC(2026, 0, 2);
  for (const [name, time] of [
    ['old', new Date(startedAtMs - 1)],
    ['own', new Date(startedAtMs + 1)],
  ] as const) {
    await writeFile(join(folder, name), 'x');
    await utimes(join(folder, name), time, time);
  }
  await emptySpool(folder, startedAtMs, silentLog);
  assert.deepEqual(await readdir(folder), ['own']);
});
