// The purge of deleted servers: what is removed, and what is kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NovaFixture } from '../api/nova-api.testing.ts';
import { startMs, startNova } from '../api/nova-api.testing.ts';
import { insertAction, listActions, recordEvent } from './actions.ts';
import { deleteNics, insertNics, serversWithLostPorts } from './nics.ts';
import { purgeDeleted } from './purge.ts';
import { deleteServerVolume, insertServerVolumes, lostVolumes } from './volumes.ts';

describe('purging deleted servers', () => {
  let nova: NovaFixture;
  before(async () => {
    nova = await startNova();
    for (const [id, deletedAt] of [
      ['old', startMs + 10],
      ['young', startMs + 1000],
      ['alive', null],
    ] as const) {
      await nova.addServer({
        id,
        deleted_at_ms: deletedAt,
        ...(deletedAt === null ? {} : { vm_state: 'deleted' as const }),
      });
      await insertAction(
        nova.deps.database.db,
        {
          id: `act-${id}`,
          serverId: id,
          action: 'create',
          requestId: 'req-1',
          projectId: 'p',
          userId: 'u',
        },
        startMs,
      );
    }
  });
  after(async () => await nova.close());

  it('takes those that were deleted long ago, with their log, and no other', async () => {
    const { db } = nova.deps.database;
    assert.equal(await purgeDeleted(db, startMs + 500, startMs + 2000), 1);
    assert.deepEqual(
      (await db.selectFrom('servers').select('id').orderBy('id').execute()).map((row) => row.id),
      ['alive', 'young'],
    );
    assert.deepEqual(await listActions(db, 'old'), []);
    assert.equal((await listActions(db, 'young')).length, 1);
    assert.equal(await purgeDeleted(db, startMs + 500, startMs + 2000), 0);
  });

  it('leaves a server whose ports or volumes are not given back yet', async () => {
    const { db } = nova.deps.database;
    for (const id of ['with-port', 'with-volume'])
      await nova.addServer({ id, deleted_at_ms: startMs + 10, vm_state: 'deleted' });
    await insertNics(db, [
      {
        server_id: 'with-port',
        seq: 0,
        network_id: 'n',
        port_id: 'p',
        given: 0,
        fixed_ip: null,
        tag: null,
        security_groups: '[]',
        info: null,
      },
    ]);
    await insertServerVolumes(db, [
      {
        id: 'attached',
        server_id: 'with-volume',
        volume_id: 'v',
        device: 'vdb',
        bus: 'virtio',
        boot_index: null,
        tag: null,
        delete_on_termination: 0,
        attachment_id: 'a',
        host: 'h1',
        connection: '{}',
        created_at_ms: startMs,
      },
    ]);
    const purge = async (): Promise<number> =>
      await purgeDeleted(db, startMs + 500, startMs + 2000);
    assert.equal(await purge(), 0);
    assert.deepEqual(
      await serversWithLostPorts(db, 10),
      ['with-port'],
      'the reaper still finds it',
    );
    assert.deepEqual(
      (await lostVolumes(db, 10)).map(({ server_id }) => server_id),
      ['with-volume'],
      'the reaper still finds it',
    );
    await deleteNics(db, 'with-port');
    await deleteServerVolume(db, 'attached');
    assert.equal(await purge(), 2);
  });

  it('is done by the task after 90 days, and events go with their actions', async () => {
    const { db } = nova.deps.database;
    const task = nova.tasks.find(({ name }) => name === 'nova.purge-deleted');
    await recordEvent(db, {
      action_id: 'act-young',
      seq: 0,
      name: 'e',
      host: null,
      result: 'Success',
      details: null,
      started_at_ms: startMs,
      finished_at_ms: startMs,
    });
    const left = async (days: number): Promise<string[]> => {
      nova.clock.nowMs = startMs + 1000 + days * 24 * 3_600_000;
      await task?.run(new AbortController().signal);
      return (await db.selectFrom('servers').select('id').orderBy('id').execute()).map(
        (row) => row.id,
      );
    };
    assert.deepEqual([await left(89), await left(91)], [['alive', 'young'], ['alive']]);
    assert.deepEqual(await db.selectFrom('action_events').select('action_id').execute(), []);
  });
});
