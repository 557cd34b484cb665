// Cinder on MariaDB: the SQL of its stores, its locks under concurrency, and exact quotas.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

const skip = await mariadbMissing();
let mariadb: PrivateMariadb;
let cinder: CinderFixture;
before(async () => {
  if (skip) return;
  mariadb = await startMariadb();
  cinder = await startCinder({ database: await mariadb.createDatabase() });
});
after(async () => {
  await cinder?.close();
  await mariadb?.stop();
});

test(
  'a volume lives its life: snapshot, copy, extension, attachment, backup, deletion',
  { skip },
  async () => {
    const volume = await cinder.make('volumes', 'volume', {
      size: 1,
      name: 'Data',
      metadata: { a: "it's" },
    });
    const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: volume.id });
    const copy = await cinder.make('volumes', 'volume', { snapshot_id: snapshot.id });
    const backup = await cinder.make('backups', 'backup', { volume_id: copy.id });
    assert.deepEqual(
      [volume.status, snapshot.status, copy.status, backup.status],
      ['available', 'available', 'available', 'available'],
    );
    assert.equal(
      (
        await cinder.ask('member', 'POST', `volumes/${copy.id}/action`, {
          body: { 'os-extend': { new_size: 2 } },
        })
      ).status,
      202,
    );
    const listed = (
      await cinder.ask(
        'member',
        'GET',
        'volumes/detail?name=Data&sort=size:desc&limit=5&metadata=%7B%22a%22:%22it%27s%22%7D',
      )
    ).body.volumes;
    assert.deepEqual(
      listed.map(({ id }: { id: string }) => id),
      [volume.id],
    );
    assert.deepEqual(
      (await cinder.ask('member', 'GET', 'volumes?name=data')).body.volumes,
      [],
      'text compares by case',
    );
    const { attachment } = (
      await cinder.ask('member', 'POST', 'attachments', {
        body: {
          attachment: { volume_uuid: volume.id, instance_uuid: 's', connector: { host: 'h' } },
        },
      })
    ).body;
    assert.equal(
      (await cinder.ask('member', 'DELETE', `attachments/${attachment.id}`)).status,
      200,
    );
    await cinder.idle();
    assert.equal(
      (await cinder.ask('member', 'DELETE', `volumes/${volume.id}?cascade=true`)).status,
      202,
    );
    await cinder.idle();
    assert.equal((await cinder.ask('member', 'GET', `volumes/${volume.id}`)).status, 404);
    assert.equal((await cinder.show('volumes', 'volume', copy.id)).size, 2);
  },
);

test('one of many gets the volume', { skip }, async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const codes = await Promise.all(
    Array.from(
      { length: 10 },
      async (_, index) =>
        (
          await cinder.ask('member', 'POST', 'attachments', {
            body: { attachment: { volume_uuid: id, instance_uuid: `s${index}` } },
          })
        ).status,
    ),
  );
  assert.deepEqual(codes.sort(), [200, ...Array.from({ length: 9 }, () => 400)]);
});

test('of many imports of one record one makes the backup', { skip }, async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  const { body } = await cinder.ask('admin', 'GET', `backups/${backup.id}/export_record`);
  await cinder.deps.database.db.deleteFrom('backups').where('id', '=', backup.id).execute();
  const codes = await Promise.all(
    Array.from(
      { length: 8 },
      async () => (await cinder.ask('admin', 'POST', 'backups/import_record', { body })).status,
    ),
  );
  assert.deepEqual(codes.sort(), [201, ...Array.from({ length: 7 }, () => 400)]);
  await cinder.idle();
  assert.equal((await cinder.show('backups', 'backup', backup.id)).status, 'available');
  assert.equal((await cinder.ask('member', 'DELETE', `backups/${backup.id}`)).status, 202);
  await cinder.idle();
  assert.deepEqual((await cinder.audit()).backups, { missing: [], unknown: [] });
});

test('concurrent creates stop at the quota exactly', { skip }, async () => {
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-b', {
    body: { quota_set: { volumes: 4 } },
  });
  const codes = await Promise.all(
    Array.from(
      { length: 12 },
      async () =>
        (await cinder.ask('other', 'POST', 'volumes', { body: { volume: { size: 1 } } })).status,
    ),
  );
  assert.equal(codes.filter((code) => code === 202).length, 4);
  await cinder.idle();
});
