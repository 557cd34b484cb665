import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
before(async () => {
  cinder = await startCinder({
    config: {
      quotas: {
        volumes: 200,
        snapshots: 50,
        gigabytes: 5000,
        backups: 10,
        backup_gigabytes: 1000,
        groups: 10,
        per_volume_gigabytes: -1,
      },
    },
  });
});
after(async () => await cinder.close());

test('a blank volume becomes available on its backend and shows itself whole', async () => {
  const created = await cinder.ask('member', 'POST', 'volumes', {
    body: { volume: { size: '2', name: 'data', metadata: { a: 'b' } } },
    version: 0,
  });
  assert.equal(created.status, 202);
  assert.equal(created.body.volume.status, 'creating');
  assert.ok(!('os-vol-tenant-attr:tenant_id' in created.body.volume));
  await cinder.idle();
  const { body } = await cinder.ask(
    'member',
    'GET',
    `project-a/volumes/${created.body.volume.id}`,
    {
      version: 0,
    },
  );
  assert.deepEqual(
    [
      body.volume.status,
      body.volume.size,
      body.volume.bootable,
      body.volume.volume_type,
      body.volume['os-vol-tenant-attr:tenant_id'],
      body.volume.metadata,
    ],
    ['available', 2, 'false', '__DEFAULT__', 'project-a', { a: 'b' }],
  );
  assert.equal(body.volume['os-vol-host-attr:host'], undefined);
  assert.equal(
    (await cinder.show('volumes', 'volume', created.body.volume.id))['os-vol-host-attr:host'],
    'control@sim#sim',
  );
  assert.equal(cinder.world.get(created.body.volume.id)?.sizeGib, 2);
});

test('wrong sizes and unknown sources are refused with their codes', async () => {
  for (const size of ['#$%', '0', '-1', '', 0, -1, 1.5])
    assert.equal(
      (await cinder.ask('member', 'POST', 'volumes', { body: { volume: { size } } })).status,
      400,
      String(size),
    );
  assert.equal(
    (await cinder.ask('member', 'POST', 'volumes', { body: { volume: { name: 'x' } } })).status,
    400,
  );
  const id = '00000000-0000-4000-8000-000000000000';
  for (const source of [
    { snapshot_id: id },
    { source_volid: id },
    { volume_type: id },
    { imageRef: id },
  ]) {
    assert.equal(
      (await cinder.ask('member', 'POST', 'volumes', { body: { volume: { size: 1, ...source } } }))
        .status,
      404,
      JSON.stringify(source),
    );
  }
  assert.equal(
    (
      await cinder.ask('member', 'POST', 'volumes', {
        body: { volume: { size: 1, multiattach: true } },
      })
    ).status,
    400,
  );
  assert.equal(
    (await cinder.ask('member', 'POST', 'project-b/volumes', { body: { volume: { size: 1 } } }))
      .status,
    404,
  );
});

test('lists filter, sort and page, and follow their own links', async () => {
  const ids: string[] = [];
  for (const name of ['l1', 'l2', 'l3'])
    ids.push(
      (await cinder.make('volumes', 'volume', { size: 1, name, metadata: { kind: name } })).id,
    );
  const page = await cinder.ask(
    'member',
    'GET',
    'volumes?limit=2&sort=created_at:asc,id:asc&name=l1&name=l2&name=l3',
  );
  assert.equal(page.body.volumes.length, 2);
  const next = new URL(page.body.volumes_links[0].href);
  const rest = await cinder.ask(
    'member',
    'GET',
    next.pathname.replace('/volume/v3/', '') + next.search,
  );
  assert.equal(rest.body.volumes.length, 1);
  assert.deepEqual(
    new Set([...page.body.volumes, ...rest.body.volumes].map(({ id }) => id)),
    new Set(ids),
  );
  const names = async (query: string): Promise<string[]> =>
    (await cinder.ask('member', 'GET', `volumes/detail?${query}`)).body.volumes
      .map(({ name }: { name: string }) => name)
      .sort();
  assert.deepEqual(await names("metadata=%7B'kind'%3A+'l2'%7D"), ['l2']);
  assert.deepEqual(await names('name=l3&status=available'), ['l3']);
  assert.deepEqual(await names('name=l3&status=error'), []);
  assert.deepEqual(await names('name~=l&sort_key=name&sort_dir=asc'), ['l1', 'l2', 'l3']);
  assert.deepEqual(await names('limit=0'), []);
  assert.equal((await cinder.ask('member', 'GET', 'volumes?limit=x')).status, 400);
  assert.equal((await cinder.ask('member', 'GET', 'volumes?sort_key=nothing')).status, 400);
  assert.equal((await cinder.ask('member', 'GET', `volumes?marker=${'0'.repeat(8)}`)).status, 404);
  assert.equal((await cinder.ask('member', 'GET', 'volumes?sort_key=constructor')).status, 400);
  assert.deepEqual(
    (await cinder.ask('admin', 'GET', 'attachments?constructor=1')).body.attachments,
    [],
  );
  assert.equal((await cinder.ask('member', 'GET', 'volumes?created_at=yesterday')).status, 400);
  assert.equal(
    (await cinder.ask('member', 'GET', 'volumes?with_count=True&name=l1')).body.count,
    1,
  );
});

test('another project sees and touches nothing, a reader changes nothing', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PUT', '', { volume: { name: 'x' } }],
    ['DELETE', '', undefined],
    ['GET', '/metadata', undefined],
    ['POST', '/action', { 'os-extend': { new_size: 2 } }],
  ] as const) {
    assert.equal(
      (await cinder.ask('other', method, `volumes/${id}${path}`, body ? { body } : {})).status,
      404,
      `${method} ${path}`,
    );
  }
  assert.equal(
    (
      await cinder.ask('other', 'POST', 'attachments', {
        body: { attachment: { volume_uuid: id } },
      })
    ).status,
    404,
  );
  assert.equal(
    (await cinder.ask('other', 'POST', 'snapshots', { body: { snapshot: { volume_id: id } } }))
      .status,
    404,
  );
  assert.equal((await cinder.ask('reader', 'DELETE', `volumes/${id}`)).status, 403);
  assert.equal(
    (
      await cinder.ask('member', 'POST', `volumes/${id}/action`, {
        body: { 'os-reset_status': { status: 'error' } },
      })
    ).status,
    403,
  );
  assert.deepEqual((await cinder.ask('other', 'GET', 'volumes?all_tenants=1')).body.volumes, []);
  assert.equal((await cinder.ask('admin', 'GET', 'volumes/')).status, 404);
});

test('deletion needs a free volume without snapshots, and takes them along when asked', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: id });
  assert.equal(snapshot.status, 'available');
  assert.equal((await cinder.ask('member', 'DELETE', `volumes/${id}`)).status, 400);
  assert.equal((await cinder.ask('member', 'DELETE', `volumes/${id}?cascade=true`)).status, 202);
  await cinder.idle();
  assert.equal((await cinder.ask('member', 'GET', `volumes/${id}`)).status, 404);
  assert.equal((await cinder.ask('member', 'GET', `snapshots/${snapshot.id}`)).status, 404);
  assert.equal(cinder.world.has(id), false);
});

test('copies come from snapshots and volumes, never smaller than their origin', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 2 });
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: id });
  assert.equal(
    (
      await cinder.ask('member', 'POST', 'volumes', {
        body: { volume: { size: 1, snapshot_id: snapshot.id } },
      })
    ).status,
    400,
  );
  assert.equal(
    (
      await cinder.ask('member', 'POST', 'volumes', {
        body: { volume: { size: 1, source_volid: id } },
      })
    ).status,
    400,
  );
  const fromSnapshot = await cinder.make('volumes', 'volume', { snapshot_id: snapshot.id });
  const fromVolume = await cinder.make('volumes', 'volume', { size: 3, source_volid: id });
  assert.deepEqual(
    [fromSnapshot.status, fromSnapshot.size, fromSnapshot.snapshot_id],
    ['available', 2, snapshot.id],
  );
  assert.deepEqual(
    [fromVolume.status, fromVolume.size, fromVolume.source_volid],
    ['available', 3, id],
  );
});

test('extending grows the volume within its quota', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const extend = async (new_size: number | string) =>
    (
      await cinder.ask('member', 'POST', `volumes/${id}/action`, {
        body: { 'os-extend': { new_size } },
      })
    ).status;
  assert.equal(await extend(1), 400);
  assert.equal(await extend('x'), 400);
  assert.equal(await extend(5000), 413);
  assert.equal(await extend(4), 202);
  await cinder.idle();
  const volume = await cinder.show('volumes', 'volume', id);
  assert.deepEqual(
    [volume.status, volume.size, cinder.world.get(id)?.sizeGib],
    ['available', 4, 4],
  );
});

test('100 volumes at once become available, each once', async () => {
  const created = await Promise.all(
    Array.from(
      { length: 100 },
      async () =>
        await cinder.ask('member', 'POST', 'volumes', {
          body: { volume: { size: 1, name: 'many' } },
        }),
    ),
  );
  assert.ok(created.every(({ status }) => status === 202));
  await cinder.idle();
  const { volumes } = (await cinder.ask('member', 'GET', 'volumes/detail?name=many')).body;
  assert.equal(volumes.length, 100);
  assert.ok(volumes.every(({ status }: { status: string }) => status === 'available'));
});

test('concurrent creates stop at the quota exactly', async () => {
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-b', {
    body: { quota_set: { volumes: 5, gigabytes: 7 } },
  });
  const created = await Promise.all(
    Array.from(
      { length: 20 },
      async () => await cinder.ask('other', 'POST', 'volumes', { body: { volume: { size: 1 } } }),
    ),
  );
  assert.equal(created.filter(({ status }) => status === 202).length, 5);
  const refusal = created.find(({ status }) => status !== 202);
  assert.equal(refusal?.status, 413);
  assert.equal(refusal?.body.overLimit.code, 413);
  await cinder.idle();
  assert.equal(
    (await cinder.ask('other', 'GET', 'limits')).body.limits.absolute.totalVolumesUsed,
    5,
  );
});

test('a type may have limits of its own', async () => {
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-b', {
    body: { quota_set: { volumes: 50, gigabytes: 50, volumes_sim: 1 } },
  });
  const create = async (volume_type: string) =>
    (await cinder.ask('other', 'POST', 'volumes', { body: { volume: { size: 1, volume_type } } }))
      .status;
  assert.deepEqual(
    [await create('sim'), await create('sim'), await create('__DEFAULT__')],
    [202, 413, 202],
  );
  const { quota_set: quotas } = (await cinder.ask('admin', 'GET', 'os-quota-sets/project-b')).body;
  assert.deepEqual([quotas.volumes, quotas.volumes_sim, quotas.gigabytes_sim], [50, 1, -1]);
  for (const quota_set of [{ colour: 1 }, { volumes: 'x' }, { volumes: -2 }])
    assert.equal(
      (await cinder.ask('admin', 'PUT', 'os-quota-sets/project-b', { body: { quota_set } })).status,
      400,
    );
});
