// Errors as callers see them: refusals with a status code and a text that names what was wrong and
// what is allowed; failed operations with the object's status and a user message.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Outcome } from '#contracts/common/fault.ts';
import type { FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { VolumeBackend } from '#ports/volume-backend.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';

let cinder: CinderFixture;
/** Which fault each backend method returns. At first `facts` does: the backend is not there yet. */
const failing = new Map<keyof VolumeBackend, FaultKind>([['facts', 'unavailable']]);
const image = {
  id: '11111111-1111-4111-8111-111111111111',
  name: 'big',
  status: 'active',
  disk_format: 'qcow2',
  container_format: 'bare',
  size: 5,
  virtual_size: 2 * 1024 ** 3,
  min_disk: 0,
  min_ram: 0,
};
const limits = {
  volumes: 8,
  snapshots: 1,
  gigabytes: 20,
  backups: 1,
  backup_gigabytes: 10,
  groups: 10,
  per_volume_gigabytes: 15,
};

before(async () => {
  cinder = await startCinder({
    config: { quotas: limits },
    clock: createFakeClock({ movedBy: 'sleeps' }),
    wrapBackend: (backend) =>
      new Proxy(backend, {
        get: (target, name: keyof VolumeBackend) => {
          const kind = failing.get(name);
          return kind === undefined
            ? target[name]
            : async (): Promise<Outcome<never>> => fault(kind, '10.0.0.1:/vol says NFS3ERR');
        },
      }),
  });
  cinder.answerCalls(({ path, method }) => {
    if (method !== 'GET') return { status: 204 };
    const minDisk = path.endsWith('222') ? 3 : 0;
    return path.startsWith('/v2/images/')
      ? {
          status: 200,
          body: { ...image, virtual_size: minDisk ? 1 : image.virtual_size, min_disk: minDisk },
        }
      : { status: 404 };
  });
});
afterEach(() => failing.clear());
after(async () => await cinder.close());

const refused = async (
  status: number,
  words: RegExp,
  path: string,
  body: Json | undefined,
  method: 'POST' | 'DELETE' = 'POST',
): Promise<void> => {
  const answer = await cinder.ask('member', method, path, body === undefined ? {} : { body });
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  const [[key, { code, message }]] = Object.entries(answer.body) as [
    [string, { code: number; message: string }],
  ];
  assert.deepEqual(
    [key, code],
    [{ 400: 'badRequest', 404: 'itemNotFound', 413: 'overLimit' }[status], status],
  );
  assert.match(message, words);
};
const volume = (facts: Record<string, Json>): Json => ({ volume: facts });
const messageOf = async (id: string): Promise<[string, string] | undefined> => {
  const {
    messages: [message],
  } = (await cinder.ask('member', 'GET', `messages?resource_uuid=${id}`)).body;
  return message && [message.event_id, message.user_message];
};
const assertDeletable = async (collection: string, id: string): Promise<void> => {
  assert.equal((await cinder.ask('member', 'DELETE', `${collection}/${id}`)).status, 202);
  await cinder.idle();
  assert.equal((await cinder.ask('member', 'GET', `${collection}/${id}`)).status, 404);
};
const used = async (): Promise<Json> =>
  (await cinder.ask('member', 'GET', 'limits')).body.limits.absolute;

test('a backend that has never answered is down, and up as soon as it answers', async () => {
  const shown = async (): Promise<Json> =>
    (await cinder.ask('admin', 'GET', 'os-services?binary=cinder-volume')).body.services.map(
      ({ host, state, updated_at: at }: Loose) => [host, state, at],
    );
  assert.deepEqual(await shown(), [['control@sim', 'down', null]]);
  failing.clear();
  assert.deepEqual(await shown(), [['control@sim', 'up', null]]);
});

test('sizes that no volume has name the field', async () => {
  for (const size of [0, -1, 'x', 1.5, 2 ** 40, String(2 ** 40), true, []] as Json[])
    await refused(400, /size/, 'volumes', volume({ size }));
  await refused(400, /16G.*15G/, 'volumes', volume({ size: 16 }));
});

test('over quota says which, what was asked for and what is allowed', async () => {
  const first = await cinder.make('volumes', 'volume', { size: 10 });
  await refused(
    413,
    /gigabytes.*Requested 11G, quota is 20G and 10G/,
    'volumes',
    volume({ size: 11 }),
  );
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: first.id });
  await refused(
    413,
    /gigabytes.*Requested 2G, quota is 20G and 20G/,
    `volumes/${first.id}/action`,
    { 'os-extend': { new_size: 12 } },
  );
  await refused(413, /SnapshotLimitExceeded.*\(1\)/, 'snapshots', {
    snapshot: { volume_id: first.id },
  });
  const backup = await cinder.make('backups', 'backup', { volume_id: first.id });
  await refused(413, /BackupLimitExceeded.*\(1\)/, 'backups', { backup: { volume_id: first.id } });
  await assertDeletable('backups', backup.id);
  await assertDeletable('snapshots', snapshot.id);
  await assertDeletable('volumes', first.id);
  const many = [];
  for (let at = 0; at < limits.volumes; at += 1)
    many.push(await cinder.make('volumes', 'volume', { size: 1 }));
  await refused(413, /VolumeLimitExceeded.*\(8\)/, 'volumes', volume({ size: 1 }));
  for (const { id } of many) await assertDeletable('volumes', id);
});

test('an origin that needs more than the volume has says how much', async () => {
  await refused(
    400,
    /image 2GB is larger than volume size 1GB/,
    'volumes',
    volume({ size: 1, imageRef: image.id }),
  );
  await refused(
    400,
    /2GB cannot be smaller than the image minDisk size 3GB/,
    'volumes',
    volume({ size: 2, imageRef: image.id.replace(/111$/, '222') }),
  );
  const { id } = await cinder.make('volumes', 'volume', { size: 2 });
  const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: id });
  const backup = await cinder.make('backups', 'backup', { volume_id: id });
  const small = await cinder.make('volumes', 'volume', { size: 1 });
  await refused(400, /snapshot size 2GB/, 'volumes', volume({ size: 1, snapshot_id: snapshot.id }));
  await refused(400, /1'?GB is less than 2GB/, 'volumes', volume({ size: 1, source_volid: id }));
  await refused(400, /smaller|too small|size/i, `backups/${backup.id}/restore`, {
    restore: { volume_id: small.id },
  });
  await refused(400, /current: 2, extended: 1/, `volumes/${id}/action`, {
    'os-extend': { new_size: 1 },
  });
  await refused(400, /snapshots/, `volumes/${id}`, undefined, 'DELETE');
  await assertDeletable('backups', backup.id);
  await assertDeletable('snapshots', snapshot.id);
  await assertDeletable('volumes', id);
  await assertDeletable('volumes', small.id);
});

test('a volume in use cannot be deleted, and a snapshot of it needs force', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const { attachment } = (
    await cinder.ask('member', 'POST', 'attachments', {
      body: { attachment: { volume_uuid: id, instance_uuid: image.id, connector: { host: 'h1' } } },
    })
  ).body;
  assert.equal(
    (
      await cinder.ask('nova', 'POST', `attachments/${attachment.id}/action`, {
        body: { 'os-complete': null },
      })
    ).status,
    204,
  );
  await refused(400, /status must be available/, `volumes/${id}`, undefined, 'DELETE');
  const unforced = await cinder.ask('member', 'POST', 'snapshots', {
    body: { snapshot: { volume_id: id, force: false } },
    version: 59,
  });
  assert.deepEqual(
    [unforced.status, unforced.body.badRequest?.message.includes('in-use')],
    [400, true],
    JSON.stringify(unforced.body),
  );
  assert.equal((await cinder.ask('nova', 'DELETE', `attachments/${attachment.id}`)).status, 200);
  await assertDeletable('volumes', id);
});

for (const [kind, detail, words] of [
  ['overQuota', '006', /not enough room/],
  ['unavailable', '002', /does not answer/],
  ['timeout', '002', /does not answer/],
] as const) {
  test(`what fails because the storage is ${kind} ends in its state, with a message, and goes away whole`, async () => {
    const before_ = await used();
    const expectTold = async (id: string, event: string): Promise<void> => {
      const [eventId, userMessage] = (await messageOf(id)) ?? [];
      assert.equal(eventId, `${event}_${detail}`);
      assert.match(userMessage ?? '', words);
      assert.doesNotMatch(userMessage ?? '', /10\.0\.0\.1|NFS3/);
    };
    const healthy = await cinder.make('volumes', 'volume', { size: 1 });
    for (const method of ['createVolume', 'extendVolume', 'createSnapshot', 'exportFile'] as const)
      failing.set(method, kind);
    // A backend that is away cannot remove what it has created, either.
    if (kind !== 'overQuota')
      for (const method of [
        'deleteVolume',
        'deleteSnapshot',
        'abandonOnlineSnapshot',
        'connection',
      ] as const)
        failing.set(method, kind);
    const broken = await cinder.make('volumes', 'volume', { size: 1 });
    assert.equal(broken.status, 'error');
    await expectTold(broken.id, 'VOLUME_VOLUME_008');
    const snapshot = await cinder.make('snapshots', 'snapshot', { volume_id: healthy.id });
    assert.equal(snapshot.status, 'error');
    await expectTold(snapshot.id, 'VOLUME_VOLUME_SNAPSHOT_009');
    const backup = await cinder.make('backups', 'backup', { volume_id: healthy.id });
    assert.equal(backup.status, 'error');
    await expectTold(backup.id, 'VOLUME_VOLUME_BACKUP_013');
    assert.equal(
      (
        await cinder.ask('member', 'POST', `volumes/${healthy.id}/action`, {
          body: { 'os-extend': { new_size: 2 } },
        })
      ).status,
      202,
    );
    await cinder.idle();
    await expectTold(healthy.id, 'VOLUME_VOLUME_007');
    if (kind !== 'overQuota') {
      const attached = await cinder.ask('member', 'POST', 'attachments', {
        body: {
          attachment: {
            volume_uuid: healthy.id,
            instance_uuid: image.id,
            connector: { host: 'h1' },
          },
        },
      });
      assert.ok(attached.status >= 500);
      await cinder.idle();
      const { messages } = (
        await cinder.ask('member', 'GET', `messages?resource_uuid=${healthy.id}`)
      ).body;
      assert.ok(
        messages.some(
          ({ event_id }: { event_id: string }) => event_id === `VOLUME_VOLUME_002_${detail}`,
        ),
      );
    }
    assert.deepEqual(
      [
        (await cinder.show('volumes', 'volume', healthy.id)).status,
        (await cinder.show('volumes', 'volume', healthy.id)).size,
      ],
      ['available', 1],
    );
    if (kind !== 'overQuota') {
      assert.equal((await cinder.ask('member', 'DELETE', `volumes/${broken.id}`)).status, 202);
      await cinder.idle();
      assert.equal((await cinder.show('volumes', 'volume', broken.id)).status, 'error_deleting');
    }
    failing.clear();
    await assertDeletable('backups', backup.id);
    await assertDeletable('snapshots', snapshot.id);
    if (kind === 'overQuota') await assertDeletable('volumes', broken.id);
    else
      assert.equal(
        (
          await cinder.ask('admin', 'POST', `volumes/${broken.id}/action`, {
            body: { 'os-force_delete': {} },
          })
        ).status,
        202,
      );
    await assertDeletable('volumes', healthy.id);
    assert.deepEqual(await used(), before_);
    assert.deepEqual((await cinder.audit()).backends, {
      sim: { missing: [], unknown: [], strays: [] },
    });
  });
}

test('an upload whose image is refused or never made leaves the volume free', async () => {
  const { id } = await cinder.make('volumes', 'volume', { size: 1 });
  const upload = async () =>
    await cinder.ask('member', 'POST', `volumes/${id}/action`, {
      body: { 'os-volume_upload_image': { image_name: 'x' } },
    });
  let status = 403;
  cinder.answerCalls(({ method }) => ({
    status: { POST: status, DELETE: 204 }[method as string] ?? 404,
    body: { ...image, status: 'queued' },
  }));
  assert.equal((await upload()).status, 403);
  assert.equal((await cinder.show('volumes', 'volume', id)).status, 'available');
  status = 201; // GET still answers 404, as if the request had died before it created the image
  assert.equal((await upload()).status, 202);
  await cinder.idle();
  assert.equal((await cinder.show('volumes', 'volume', id)).status, 'available');
  assert.match((await messageOf(id))?.[0] ?? '', /^VOLUME_VOLUME_003_/);
  await assertDeletable('volumes', id);
});

test('a backend that does not answer is down at once, and a volume for it is in error', async () => {
  failing.set('facts', 'unavailable');
  const states = async (): Promise<Json> => {
    const { services } = (await cinder.ask('admin', 'GET', 'os-services?binary=cinder-volume'))
      .body;
    const { pools } = (await cinder.ask('admin', 'GET', 'scheduler-stats/get_pools?detail=true'))
      .body;
    return [services[0].state, services[0].backend_state, pools[0].capabilities.backend_state];
  };
  assert.deepEqual(await states(), ['down', 'down', 'down']);
  const { id, status } = await cinder.make('volumes', 'volume', { size: 1 });
  assert.equal(status, 'error');
  assert.equal((await messageOf(id))?.[0], 'VOLUME_VOLUME_001_003');
  failing.clear();
  assert.deepEqual(await states(), ['up', 'up', 'up']);
  await assertDeletable('volumes', id);
});
