import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startCinder({ apart: true });
});
after(async () => await cinder.close());

test('a backup is made of a free volume, restored to a new one and removed', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1, name: 'data' });
  await cinder.ask('member', 'POST', `volumes/${id}/action`, {
    body: { 'os-set_bootable': { bootable: true } },
  });
  const backup = await cinder.make('backups', 'backup', {
    volume_id: id,
    name: 'b',
    container: 'mine',
  });
  assert.deepEqual(
    [backup.status, backup.volume_id, backup.size, backup.container, backup.is_incremental],
    ['available', id, 1, 'mine', false],
  );
  const { body } = await cinder.ask('member', 'POST', `backups/${backup.id}/restore`, {
    body: { restore: { name: 'again' } },
  });
  assert.deepEqual([body.restore.backup_id, body.restore.volume_name], [backup.id, 'again']);
  assert.equal(
    (await cinder.ask('member', 'DELETE', `backups/${backup.id}`)).status,
    400,
    'it is being restored',
  );
  await cinder.idle();
  const restored = await cinder.show('volumes', 'volume', body.restore.volume_id);
  assert.deepEqual([restored.status, restored.bootable], ['available', 'true']);
  assert.equal((await cinder.ask('member', 'DELETE', `backups/${backup.id}`)).status, 202);
  await cinder.idle();
  assert.equal((await cinder.ask('member', 'GET', `backups/${backup.id}`)).status, 404);
});

test('a backup is refused of what is in use, incremental, foreign or over quota', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = async (more: object, who: 'member' | 'other' = 'member') =>
    (await cinder.ask(who, 'POST', 'backups', { body: { backup: { volume_id: id, ...more } } }))
      .status;
  assert.equal(await backup({ incremental: true }), 400);
  assert.equal(await backup({}, 'other'), 404);
  assert.equal(await backup({ snapshot_id: '0' }), 404);
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-a', {
    body: { quota_set: { backup_gigabytes: 0 } },
  });
  assert.equal(await backup({}), 413);
  await cinder.ask('admin', 'DELETE', 'os-quota-sets/project-a');
  assert.equal(
    (await cinder.show('volumes', 'volume', id)).status,
    'available',
    'a refusal changes nothing',
  );
});

test('a backup and a copy of a volume in use go through a snapshot that nobody keeps', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  await cinder.ask('member', 'POST', 'attachments', {
    body: { attachment: { volume_uuid: id, instance_uuid: 's1', connector: { host: 'h1' } } },
  });
  await cinder.ask('admin', 'POST', `volumes/${id}/action`, {
    body: { 'os-reset_status': { status: 'in-use' } },
  });
  const begin = async (force: boolean) =>
    await cinder.ask('member', 'POST', 'backups', { body: { backup: { volume_id: id, force } } });
  assert.equal((await begin(false)).status, 400);
  // Nova refuses the first snapshot, and completes the second at once.
  for (const end of ['error', 'available']) {
    cinder.answerCalls(({ path, body }) => {
      if (!path.endsWith('/os-assisted-volume-snapshots')) return { status: 200, body: {} };
      if (end === 'error') return { status: 400, body: {} };
      const {
        snapshot: {
          create_info: { snapshot_id },
        },
      } = body as { snapshot: { create_info: { snapshot_id: string } } };
      setImmediate(
        () =>
          void cinder.ask('admin', 'POST', `snapshots/${snapshot_id}/action`, {
            body: { 'os-update_snapshot_status': { status: 'creating', progress: '90%' } },
          }),
      );
      return { status: 200, body: {} };
    });
    const { backup } = (await begin(true)).body;
    await cinder.idle();
    assert.equal((await cinder.show('backups', 'backup', backup.id)).status, end);
    const copy = await cinder.make('volumes', 'volume', { source_volid: id });
    assert.deepEqual(
      [copy.status, copy.source_volid, copy.snapshot_id, cinder.world.has(copy.id)],
      [end, id, null, end === 'available'],
    );
    assert.equal((await cinder.show('volumes', 'volume', id)).status, 'in-use');
    assert.deepEqual(
      (await cinder.ask('member', 'GET', `snapshots?volume_id=${id}`)).body.snapshots,
      [],
    );
  }
  assert.deepEqual((await cinder.audit()).stuck, []);
});

test('damaged data is told and leaves nothing half restored', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  await cinder.backups.remove(backup.id);
  const { body } = await cinder.ask('member', 'POST', `backups/${backup.id}/restore`, {
    body: { restore: {} },
  });
  await cinder.idle();
  assert.equal((await cinder.show('volumes', 'volume', body.restore.volume_id)).status, 'error');
  assert.equal((await cinder.show('backups', 'backup', backup.id)).status, 'available');
  assert.equal(
    (await cinder.ask('member', 'GET', `messages?resource_uuid=${backup.id}`)).body.messages.length,
    1,
  );
});

test('a transfer hands a volume with its snapshots to whoever has the key, once', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: id });
  const { transfer } = (
    await cinder.ask('member', 'POST', 'volume-transfers', {
      body: { transfer: { volume_id: id, name: 't' } },
    })
  ).body;
  assert.equal((await cinder.show('volumes', 'volume', id)).status, 'awaiting-transfer');
  assert.equal((await cinder.ask('member', 'DELETE', `volumes/${id}`)).status, 400);
  const shown = (await cinder.ask('member', 'GET', `volume-transfers/${transfer.id}`)).body
    .transfer;
  assert.equal(shown.auth_key, undefined);
  const accept = async (auth_key: string) =>
    (
      await cinder.ask('other', 'POST', `volume-transfers/${transfer.id}/accept`, {
        body: { accept: { auth_key } },
      })
    ).status;
  assert.equal(await accept('wrong'), 400);
  assert.equal(await accept(transfer.auth_key), 202);
  assert.equal(await accept(transfer.auth_key), 404);
  assert.equal((await cinder.ask('member', 'GET', `volumes/${id}`)).status, 404);
  assert.equal((await cinder.ask('other', 'GET', `volumes/${id}`)).body.volume.status, 'available');
  assert.equal((await cinder.ask('other', 'GET', `snapshots/${snapshot.id}`)).status, 200);
});

test('unsupported operations are refused with a message', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  assert.equal(
    (
      await cinder.ask('admin', 'POST', `volumes/${id}/action`, {
        body: { 'os-migrate_volume': { host: 'elsewhere' } },
      })
    ).status,
    501,
  );
  assert.equal(
    (await cinder.ask('admin', 'POST', 'qos-specs', { body: { qos_specs: { name: 'q' } } })).status,
    501,
  );
  assert.equal((await cinder.ask('member', 'POST', 'groups', { body: { group: {} } })).status, 501);
  assert.deepEqual((await cinder.ask('admin', 'GET', 'qos-specs')).body, { qos_specs: [] });
});

test('a backup that is removed by force while it is made leaves nothing in the store', async () => {
  const exported = Promise.withResolvers<void>();
  const slow = await startCinder({
    wrapBackend: (backend) => ({
      ...backend,
      exportFile: async (...all) =>
        await exported.promise.then(async () => await backend.exportFile(...all)),
    }),
  });
  try {
    const { id } = await slow.make('volumes', 'volume', { size: 1 });
    const { backup } = (
      await slow.ask('member', 'POST', 'backups', { body: { backup: { volume_id: id } } })
    ).body;
    assert.equal(
      (
        await slow.ask('admin', 'POST', `backups/${backup.id}/action`, {
          body: { 'os-force_delete': {} },
        })
      ).status,
      202,
    );
    await eventually(
      async () => (await slow.ask('member', 'GET', `backups/${backup.id}`)).status === 404,
      { withinMs: 5_000, what: 'the row to go before the data is there' },
    );
    exported.resolve();
    await slow.idle();
    assert.deepEqual((await slow.audit()).backups, { missing: [], unknown: [] });
    assert.equal((await slow.show('volumes', 'volume', id)).status, 'available');
  } finally {
    await slow.close();
  }
});
