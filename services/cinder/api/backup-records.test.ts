import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startCinder();
});
after(async () => await cinder.close());

interface Envelope {
  backup_service: string;
  backup_url: string;
}
const exported = async (id: string): Promise<Envelope> =>
  (await cinder.ask('admin', 'GET', `backups/${id}/export_record`)).body['backup-record'];
const changed = ({ backup_service, backup_url }: Envelope, change: object): Envelope => ({
  backup_service,
  backup_url: Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(backup_url, 'base64').toString()), ...change }),
  ).toString('base64'),
});
const imports = async (record: object) =>
  await cinder.ask('admin', 'POST', 'backups/import_record', {
    body: { 'backup-record': { ...record } },
  });
const storeDiffers = async () => (await cinder.audit()).backups;
const inOrder = { missing: [], unknown: [] };
async function importedAs(record: Envelope): Promise<string> {
  const { status, body } = await imports(record);
  assert.equal(status, 201, JSON.stringify(body));
  await cinder.idle();
  assert.equal((await cinder.show('backups', 'backup', body.backup.id)).status, 'available');
  return body.backup.id;
}

test('a backup whose row was lost comes back by its record, as it was', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 2, metadata: { a: 'ü' } });
  await cinder.ask('member', 'POST', `volumes/${id}/action`, {
    body: { 'os-set_bootable': { bootable: true } },
  });
  const backup = await cinder.make('backups', 'backup', {
    volume_id: id,
    name: 'kept',
    description: 'd',
    metadata: { k: 'v' },
  });
  const record = await exported(backup.id);
  assert.match(record.backup_service, /^cinder\.backup\.drivers\./);
  await cinder.deps.database.db.deleteFrom('backups').where('id', '=', backup.id).execute();
  assert.deepEqual(await storeDiffers(), { missing: [], unknown: [backup.id] });
  const { status, body } = await imports(record);
  assert.deepEqual(
    [status, body.backup.id, body.backup.name, Object.keys(body.backup).sort()],
    [201, backup.id, 'kept', ['id', 'links', 'name']],
  );
  await cinder.idle();
  const again = await cinder.show('backups', 'backup', backup.id);
  const ofItsRow = { created_at: again.created_at, updated_at: again.updated_at, user_id: 'admin' };
  assert.deepEqual(again, { ...backup, ...ofItsRow });
  assert.deepEqual(await storeDiffers(), inOrder);
  const { restore } = (
    await cinder.ask('member', 'POST', `backups/${backup.id}/restore`, { body: { restore: {} } })
  ).body;
  await cinder.idle();
  const restored = await cinder.show('volumes', 'volume', restore.volume_id);
  assert.deepEqual(
    [restored.status, restored.size, restored.bootable, restored.metadata],
    ['available', 2, 'true', { a: 'ü' }],
  );
});

test('a backup imported under another id shares the data, which goes with the last of them', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  const twin = await importedAs(changed(await exported(backup.id), { id: randomUUID() }));
  const third = await importedAs(changed(await exported(twin), { id: randomUUID() }));
  const data = async () => ((await cinder.backups.list()) as string[]).includes(backup.id);
  const remove = async (...ids: string[]) => {
    for (const one of ids)
      assert.equal((await cinder.ask('member', 'DELETE', `backups/${one}`)).status, 202);
    await cinder.idle();
    for (const one of ids)
      assert.equal((await cinder.ask('member', 'GET', `backups/${one}`)).status, 404);
  };
  await remove(backup.id);
  assert.deepEqual([await data(), await storeDiffers()], [true, inOrder]);
  const { restore } = (
    await cinder.ask('member', 'POST', `backups/${twin}/restore`, { body: { restore: {} } })
  ).body;
  await cinder.idle();
  assert.equal((await cinder.show('volumes', 'volume', restore.volume_id)).status, 'available');
  await remove(twin, third); // one at once after the other: their sagas wait for each other's lock
  assert.deepEqual([await data(), await storeDiffers()], [false, inOrder]);
});

test('a record that is invalid, of another backup service, or without data is not imported', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  const record = await exported(backup.id);
  const other = { id: randomUUID() };
  const refusals: [object, RegExp][] = [
    [record, /already exists/],
    [
      {
        ...changed(record, other),
        backup_service: 'cinder.backup.drivers.posix.PosixBackupDriver',
      },
      /is of the backup service/,
    ],
    [{ ...record, backup_url: 'no base64!' }, /base64/],
    [{ ...record, backup_url: Buffer.from([0xff, 0xfe]).toString('base64') }, /JSON/],
    [{ ...record, backup_url: Buffer.from('[]').toString('base64') }, /parse/],
    [changed(record, { ...other, object: randomUUID() }), /has no data/],
    [
      changed(record, { ...other, metadata: { a: 1 } }),
      /field\/attribute a\. Value: 1\. 1 is not of type 'string'/,
    ],
    ...[
      { id: '../x' },
      { object: '../x' },
      { size: 0 },
      { size: '1' },
      { version: 2 },
      { name: 'n'.repeat(256) },
      { volume: {} },
      { format: 'vhd' },
      { data_at_ms: -1 },
      { more: 1 },
    ].map((change): [object, RegExp] => [
      changed(record, { ...other, ...change }),
      new RegExp(Object.keys(change)[0] ?? ''),
    ]),
  ];
  for (const [wrong, why] of refusals) {
    const { status, body } = await imports(wrong);
    assert.equal(status, 400, JSON.stringify(wrong));
    assert.match(body.badRequest.message, why);
  }
  for (const [method, path] of [
    ['GET', `backups/${backup.id}/export_record`],
    ['POST', 'backups/import_record'],
  ] as const) {
    assert.equal(
      (
        await cinder.ask(
          'member',
          method,
          path,
          method === 'POST' ? { body: { 'backup-record': { ...changed(record, other) } } } : {},
        )
      ).status,
      403,
    );
  }
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-a', {
    body: { quota_set: { backup_gigabytes: 0 } },
  });
  assert.equal((await imports(changed(record, other))).status, 413, 'it counts');
  await cinder.ask('admin', 'DELETE', 'os-quota-sets/project-a');
  assert.equal(
    (await cinder.ask('admin', 'GET', `backups/${other.id}`)).status,
    404,
    'a refusal leaves nothing',
  );
  await cinder.ask('admin', 'POST', `backups/${backup.id}/action`, {
    body: { 'os-reset_status': { status: 'error' } },
  });
  assert.equal(
    (await cinder.ask('admin', 'GET', `backups/${backup.id}/export_record`)).status,
    400,
  );
});

test('a backup whose data goes while it is imported ends in error, with a message', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  const record = await exported(backup.id);
  assert.equal((await cinder.ask('member', 'DELETE', `backups/${backup.id}`)).status, 202);
  await cinder.idle();
  const store = cinder.backups;
  const { list } = store;
  // as if the import had listed the store before the deletion finished
  store.list = async () => [...((await list()) as string[]), backup.id];
  const twin = (await imports(changed(record, { id: randomUUID() }))).body.backup.id;
  store.list = list;
  await cinder.idle();
  const ended = await cinder.show('backups', 'backup', twin);
  assert.deepEqual([ended.status, await storeDiffers()], ['error', inOrder]);
  assert.match(ended.fail_reason, /was removed/);
  assert.equal(
    (await cinder.ask('member', 'GET', `messages?resource_uuid=${twin}`)).body.messages.length,
    1,
  );
});

test('an import beside a deletion of the same data ends with its data or in error', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  for (let round = 0; round < 10; round += 1) {
    const backup = await cinder.make('backups', 'backup', { volume_id: id });
    const record = changed(await exported(backup.id), { id: randomUUID() });
    const deletion = cinder.ask('member', 'DELETE', `backups/${backup.id}`);
    for (let turn = 0; turn < round * 3; turn += 1) await new Promise(setImmediate);
    const [deleted, twin] = await Promise.all([deletion, imports(record)]);
    await cinder.idle();
    assert.deepEqual([deleted.status, await storeDiffers()], [202, inOrder]);
    if (twin.status === 201) {
      assert.equal(
        (await cinder.ask('member', 'DELETE', `backups/${twin.body.backup.id}`)).status,
        202,
      );
      await cinder.idle();
    } else assert.equal(twin.status, 400);
    assert.equal(
      ((await cinder.backups.list()) as string[]).includes(backup.id),
      false,
      'nothing is left',
    );
  }
});
