// Databases are measured once a day, and `cobalt doctor` reports how they grow.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { databaseGrowth, recordSizes } from './database-sizes.ts';

const dayMs = 24 * 3_600_000;

it('the growth of databases is told against the oldest sample of a month', async () => {
  const dir = await mkdtemp('/tmp/cobalt-sizes-');
  try {
    const home = { dir, databases: join(dir, 'databases') };
    await mkdir(home.databases);
    const clock = createFakeClock({ startMs: 100 * dayMs, movedBy: 'advance' });
    const sample = async (bytes: number): Promise<void> => {
      await writeFile(join(home.databases, 'nova.sqlite'), Buffer.alloc(bytes));
      await recordSizes(home, clock).run(new AbortController().signal);
    };
    await writeFile(join(home.databases, 'nova.sqlite-wal'), Buffer.alloc(10));
    assert.equal((await databaseGrowth(home, clock.nowMs)).since, null);
    await sample(100);
    clock.nowMs += dayMs / 2;
    await sample(500);
    clock.nowMs += 2 * dayMs;
    await sample(300);
    const growth = await databaseGrowth(home, clock.nowMs);
    assert.deepEqual(growth, {
      total: 310,
      since: { atMs: 100 * dayMs, bytes: 200 },
      databases: [{ name: 'nova', bytes: 310, growthBytes: 200 }],
    });
    clock.nowMs += 29 * dayMs;
    assert.deepEqual(
      (await databaseGrowth(home, clock.nowMs)).since?.bytes,
      0,
      'the first sample is older than a month',
    );
    await writeFile(join(dir, 'database-sizes.json'), '[{');
    assert.equal((await databaseGrowth(home, clock.nowMs)).since, null);
  } finally {
    await rm(dir, { recursive: true });
  }
});
