// Fernet keys are rotated while Keystone processes run: these still accept each other's tokens.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemIds } from '#platform/ids.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { openFernetKeys } from '#services/keystone/api/tokens/fernet-keys.ts';
import { homePaths } from './home.ts';
import { rotateFernetKeys } from './rotate-fernet-keys.ts';

it('a process that has not read the new keys yet opens tokens of one that has', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cobalt-rotate-'));
  t.after(async () => await rm(folder, { recursive: true }));
  const home = homePaths(folder);
  const clock = createFakeClock({ startMs: 1_790_000_000_000, movedBy: 'advance' });
  const open = async () =>
    await openFernetKeys({ folder: home.fernetKeys }, { clock, ids: systemIds });
  const [first, second] = [await open(), await open()];
  const plain = Buffer.from('payload');
  const before = first.seal(plain);
  assert.deepEqual(await rotateFernetKeys(home), { primary: 2, count: 3 });
  await first.reload();
  assert.deepEqual(await second.unseal(first.seal(plain)), plain);
  assert.deepEqual(await first.unseal(before), plain);
});
