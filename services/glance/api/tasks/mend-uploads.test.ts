// Uploads of a killed process are cleaned up at the next start, and nothing else is touched.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { auditImages } from '../../store/audit.ts';
import { startGlance, type TestGlance } from '../glance.testing.ts';

const octets = { 'content-type': 'application/octet-stream' };
const limits = { maxBytes: 1e9, stallMs: 5_000 };

/**
 * Starts an upload that has sent one half of its data; the other half follows when `source` ends.
 */
async function startUpload({ ask }: TestGlance) {
  const {
    body: { id },
  } = await ask('ann', 'POST', '/images', { disk_format: 'raw', container_format: 'bare' });
  const source = new PassThrough();
  const put = ask('ann', 'PUT', `/images/${id}/file`, source, octets);
  source.write('half');
  return { id, source, put };
}

// Source of a child process that the test kills, so that its upload never ends.
const victim = (folder: string): string => `
  import { Readable } from 'node:stream';
  import { startGlance } from ${JSON.stringify(new URL('../glance.testing.ts', import.meta.url).href)};
  const glance = await startGlance({ folder: ${JSON.stringify(folder)} });
  async function* data() { for (;;) { yield Buffer.alloc(65536); await new Promise((next) => setTimeout(next, 1)); } }
  for (const path of ['file', 'stage']) {
    const { body } = await glance.ask('ann', 'POST', '/images', { name: path, disk_format: 'raw', container_format: 'bare' });
    void glance.ask('ann', 'PUT', '/images/' + body.id + '/' + path, Readable.from(data()));
  }
  const whole = await glance.image('ann', { name: 'whole' });
  setTimeout(() => console.log(whole), 200);`;

test(
  'after a kill in the middle of uploads all images are whole or wait for data, and no file is left over',
  { timeout: 60_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cobalt-glance-'));
    const child = spawn(process.execPath, ['--input-type=module', '-e', victim(folder)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    const whole = String(line).trim();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const glance = await startGlance({ folder });
    const statuses = async (): Promise<string[]> =>
      (await glance.ask('ann', 'GET', '/images?sort=name:asc')).body.images.map(
        (image: { status: string }) => image.status,
      );
    assert.deepEqual(await statuses(), ['saving', 'uploading', 'active']);
    assert.equal((await glance.store.list()).filter((file) => !file.whole).length, 2);
    for (let twice = 0; twice < 2; twice += 1) {
      await glance.mend();
      assert.deepEqual(await statuses(), ['queued', 'queued', 'active']);
      const [only, ...more] = await glance.store.list();
      assert.deepEqual([only?.key.slice(0, 36), more], [whole, []]);
    }
    const {
      body: {
        images: [first],
      },
    } = await glance.ask('ann', 'GET', '/images?name=file');
    assert.equal(
      (await glance.ask('ann', 'PUT', `/images/${first.id}/file`, Buffer.from('x'), octets)).status,
      204,
    );
    await glance.close();
    await rm(folder, { recursive: true, force: true });
  },
);

test('files that no image needs go: of deleted images, and of a crash between file and database', async () => {
  const glance = await startGlance();
  const keptImage = await glance.image('ann');
  const deleted = await glance.image('ann');
  const { data_key } = await glance.database.db
    .selectFrom('images')
    .select('data_key')
    .where('id', '=', deleted)
    .executeTakeFirstOrThrow();
  await glance.ask('ann', 'DELETE', `/images/${deleted}`);
  for (const key of [data_key ?? '', 'nobody_knows'])
    await glance.store.write(key, Readable.from([Buffer.from('left over')]), limits);
  assert.deepEqual(
    (await auditImages(glance.database.db, glance.store)).map((line) => line.slice(0, 15)),
    ['the store holds', 'the store holds'],
  );
  await glance.mend();
  assert.deepEqual(await auditImages(glance.database.db, glance.store), []);
  assert.deepEqual(
    (await glance.store.list()).map(({ key }) => key.slice(0, 36)),
    [keptImage],
  );
  assert.equal((await glance.ask('ann', 'GET', `/images/${keptImage}/file`)).body, 'some data');
  for (const { key } of await glance.store.list()) await glance.store.remove(key);
  assert.match(
    (await auditImages(glance.database.db, glance.store)).join(),
    new RegExp(`^image ${keptImage} is active, but its data .* is not in the store$`),
  );
  await glance.close();
});

test('with several processes an upload of another one is dead only after its lease', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-glance-'));
  // The process of an upload renews its lease four times per lease time by its own clock, i.e. here
  // only when the test advances that clock.
  const startMs = 1_800_000_000_000;
  const [clock, otherClock] = [
    createFakeClock({ startMs, movedBy: 'advance' }),
    createFakeClock({ startMs, movedBy: 'advance' }),
  ];
  const config = { uploadLeaseMs: 30_000 };
  const one = await startGlance({ folder, clock, config, processName: 'one' });
  const other = await startGlance({ folder, clock: otherClock, config, processName: 'other' });
  const { id, source, put } = await startUpload(one);
  const status = async (): Promise<string> =>
    (await other.ask('ann', 'GET', `/images/${id}`)).body.status;
  await eventually(async () => (await status()) === 'saving', {
    withinMs: 5_000,
    what: 'the upload runs',
  });
  otherClock.nowMs += 29_000;
  await other.mend();
  assert.equal(await status(), 'saving');
  const seenMs = async () =>
    (
      await other.database.db
        .selectFrom('images')
        .select('upload_seen_ms')
        .executeTakeFirstOrThrow()
    ).upload_seen_ms;
  for (let beat = 1; beat <= 4; beat += 1) {
    await clock.advance(7_500);
    await eventually(async () => (await seenMs()) === clock.nowMs, {
      withinMs: 5_000,
      what: 'the upload says that it lives',
    });
  }
  otherClock.nowMs = clock.nowMs + 29_000;
  await other.mend();
  assert.deepEqual([await status(), (await other.store.list()).length], ['saving', 1]);
  otherClock.nowMs += 2_000; // 31 s since its last beat
  await other.mend();
  assert.equal(await status(), 'queued');
  source.end();
  assert.equal((await put).status, 410, 'the one that was too slow hears of it');
  assert.deepEqual(await other.store.list(), []);
  await one.close();
  await other.close();
  await rm(folder, { recursive: true, force: true });
});

test('an image is deleted by one process while another one uploads it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-glance-'));
  const one = await startGlance({ folder, processName: 'one' });
  const other = await startGlance({ folder, processName: 'other' });
  const { id, source, put } = await startUpload(one);
  await eventually(async () => (await other.store.list()).length === 1, {
    withinMs: 5_000,
    what: 'the upload runs',
  });
  await other.mend();
  assert.equal((await other.ask('ann', 'GET', `/images/${id}`)).body.status, 'saving');
  assert.equal((await other.ask('ann', 'DELETE', `/images/${id}`)).status, 204);
  assert.equal((await other.store.list()).length, 1, 'the file is left to the one that writes it');
  source.end();
  assert.equal((await put).status, 410);
  assert.deepEqual(await other.store.list(), []);
  await one.close();
  await other.close();
  await rm(folder, { recursive: true, force: true });
});
