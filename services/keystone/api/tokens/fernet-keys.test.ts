// The folder of Fernet keys: rotation as in upstream, sharing between processes, and recovery after
// an interrupted rotation.
import { strict as assert } from 'node:assert';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemIds } from '#platform/ids.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { openFernetKeys } from './fernet-keys.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'cobalt-keys-'));
});
after(() => rm(root, { recursive: true }));

const clock = createFakeClock({ startMs: 1_790_000_000_000, movedBy: 'advance' });
const open = (name: string) =>
  openFernetKeys({ folder: join(root, name), maxActiveKeys: 3 }, { clock, ids: systemIds });
const files = async (name: string): Promise<string[]> => (await readdir(join(root, name))).sort();
const plain = Buffer.from('payload');

test('a fresh folder has a staged and a primary key, for the owner alone', async () => {
  await open('fresh');
  assert.deepEqual(await files('fresh'), ['0', '1']);
  assert.equal((await stat(join(root, 'fresh', '0'))).mode & 0o777, 0o600);
});

test('rotation: the staged key becomes primary, old ones open tokens until they are rotated out', async () => {
  const keys = await open('rotation');
  const first = keys.seal(plain);
  await keys.rotate();
  assert.deepEqual(await files('rotation'), ['0', '1', '2']);
  assert.deepEqual(await keys.unseal(first), plain);
  await keys.rotate();
  assert.deepEqual(await files('rotation'), ['0', '2', '3']);
  assert.equal(await keys.unseal(first), undefined);
});

test('two processes on one folder: the staged key opens what the other seals after its rotation', async () => {
  const [here, there] = [await open('shared'), await open('shared')];
  await here.rotate();
  assert.deepEqual(await there.unseal(here.seal(plain)), plain, 'without a look at the folder');
  await here.rotate();
  await here.rotate();
  clock.nowMs += 10_000;
  assert.deepEqual(await there.unseal(here.seal(plain)), plain, 'with one');
});

test('a rotation that was cut short is made whole at the next start', async () => {
  const keys = await open('cut');
  const token = keys.seal(plain);
  await rm(join(root, 'cut', '0'));
  const again = await open('cut');
  assert.deepEqual(await files('cut'), ['0', '1']);
  assert.deepEqual(await again.unseal(token), plain);
  await again.rotate();
});

test('processes that begin at once on an empty folder have the same keys', async () => {
  // The interleaving depends on the file system; 20 rounds cover the possible orders.
  for (let round = 0; round < 20; round += 1) {
    const name = `at-once-${round}`;
    const all = await Promise.all(Array.from({ length: 8 }, async () => await open(name)));
    assert.deepEqual(await files(name), ['0', '1']);
    const tokens = all.map((keys) => keys.seal(plain));
    for (const keys of all)
      for (const token of tokens) assert.deepEqual(await keys.unseal(token), plain);
  }
});
