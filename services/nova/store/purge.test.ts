// What is forgotten, and what is kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NovaBench } from '../api/nova-api.testing.ts';
import { startMs, startNova } from '../api/nova-api.testing.ts';
import { insertAction, listActions } from './actions.ts';
import { purgeDeleted } from './purge.ts';

describe('purging deleted servers', () => {
  let nova: NovaBench;
  before(async () => {
    nova = await startNova();
    for (const [id, deletedAt] of [['old', startMs + 10], ['young', startMs + 1000], ['alive', null]] as const) {
      await nova.addServer({ id, deleted_at_ms: deletedAt, ...(deletedAt === null ? {} : { vm_state: 'deleted' as const }) });
      await insertAction(nova.deps.database.db, { id: `act-${id}`, serverId: id, action: 'create', requestId: 'req-1', projectId: 'p', userId: 'u' }, startMs);
    }
  });
  after(async () => await nova.close());

  it('takes those that were deleted long ago, with their log, and no other', async () => {
    const { db } = nova.deps.database;
    assert.equal(await purgeDeleted(db, startMs + 500, startMs + 2000), 1);
    assert.deepEqual((await db.selectFrom('servers').select('id').orderBy('id').execute()).map((row) => row.id), ['alive', 'young']);
    assert.deepEqual(await listActions(db, 'old'), []);
    assert.equal((await listActions(db, 'young')).length, 1);
    assert.equal(await purgeDeleted(db, startMs + 500, startMs + 2000), 0);
  });
});
