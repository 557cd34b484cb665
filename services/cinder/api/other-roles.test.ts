// cinder-api has no storage driver and asks other roles: its behaviour while such a role is away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
let volume: string;
let backup: string;
before(async () => {
  cinder = await startCinder();
  volume = (await cinder.make('volumes', 'volume', { size: 1 })).id;
  backup = (await cinder.make('backups', 'backup', { volume_id: volume })).id;
});
after(async () => await cinder.close());

test('without cinder-backup a record is not imported, and nothing is left of it', async () => {
  const { body } = await cinder.ask('admin', 'GET', `backups/${backup}/export_record`);
  const record = JSON.parse(
    Buffer.from(body['backup-record'].backup_url, 'base64').toString(),
  ) as object;
  const url = Buffer.from(JSON.stringify({ ...record, id: crypto.randomUUID() }));
  await cinder.unserve('cinder-backup');
  const answer = await cinder.ask('admin', 'POST', 'backups/import_record', {
    body: { 'backup-record': { ...body['backup-record'], backup_url: url.toString('base64') } },
  });
  assert.equal(answer.status, 503);
  assert.equal((await cinder.ask('member', 'GET', 'backups')).body.backups.length, 1);
});

test('without cinder-volume a volume is not connected, and its owner reads why', async () => {
  await cinder.unserve('cinder-volume');
  const attachment = { volume_uuid: volume, instance_uuid: 's1', connector: { host: 'h1' } };
  const answer = await cinder.ask('nova', 'POST', 'attachments', { body: { attachment } });
  assert.equal(answer.status, 503);
  const { messages } = (await cinder.ask('member', 'GET', `messages?resource_uuid=${volume}`)).body;
  assert.deepEqual(
    messages.map(({ event_id }: { event_id: string }) => event_id),
    ['VOLUME_VOLUME_002_002'],
  );
  assert.equal((await cinder.ask('admin', 'GET', 'scheduler-stats/get_pools')).status, 503);
});

test('without cinder-scheduler the state of services is that of their last heartbeat', async () => {
  await cinder.unserve('cinder-scheduler');
  const { services } = (await cinder.ask('admin', 'GET', 'os-services')).body;
  assert.deepEqual(
    services.map(({ binary, state }: { binary: string; state: string }) => [binary, state]),
    [
      ['cinder-backup', 'up'],
      ['cinder-scheduler', 'up'],
      ['cinder-volume', 'up'],
    ],
  );
  for (const path of ['scheduler-stats/get_pools', 'capabilities/control@sim'])
    assert.equal((await cinder.ask('admin', 'GET', path)).status, 503);
});

test('journalled operations are carried out once a process runs the sagas', async () => {
  const created = await cinder.ask('member', 'POST', 'volumes', { body: { volume: { size: 1 } } });
  assert.equal(created.status, 202);
  await cinder.idle();
  const { id } = created.body.volume;
  assert.equal((await cinder.show('volumes', 'volume', id)).status, 'error');
  assert.deepEqual((await cinder.audit()).stuck, []);
});
