// Records of deleted images are kept for a while and then purged; their ids are never used again.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { glanceDefaults } from '../../deps.ts';
import { startGlance } from '../glance.testing.ts';

const dayMs = 24 * 3_600_000;

it('deleted images are purged by age, others not, and their ids stay taken', async () => {
  const clock = createFakeClock({ startMs: Date.UTC(2026, 10, 22), movedBy: 'advance' });
  const glance = await startGlance({ clock });
  try {
    const { db } = glance.database;
    const [keptImage, deleted] = [await glance.image('ann'), await glance.image('ann')];
    await glance.ask('ann', 'DELETE', `/images/${deleted}`);
    const purge = async () => {
      const task = glance.role.tasks.find(({ name }) => name === 'glance.purge-deleted');
      assert.ok(task);
      await task.run(new AbortController().signal);
      return (await db.selectFrom('images').select('id').execute()).map(({ id }) => id).sort();
    };
    assert.equal(glanceDefaults.keepDeletedMs, 90 * dayMs);
    clock.nowMs += 89 * dayMs;
    assert.deepEqual(await purge(), [keptImage, deleted].sort());
    clock.nowMs += 2 * dayMs;
    assert.deepEqual(await purge(), [keptImage]);
    for (const who of ['bob', 'ann'])
      assert.equal(
        (await glance.ask(who, 'POST', '/images', { id: deleted, name: 'again' })).status,
        409,
      );
    assert.equal((await glance.ask('ann', 'GET', `/images/${keptImage}`)).status, 200);
  } finally {
    await glance.close();
  }
});
