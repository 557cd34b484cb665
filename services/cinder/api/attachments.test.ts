import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';
import { findAttachment } from '../store/attachments.ts';
import { release } from './attach.ts';
import type { HandlerDeps } from './handler-deps.ts';
import type { Request } from './request.ts';

let cinder: CinderFixture;
let volume: Loose;
let settled: string[] = [];
let settleFails = false;
before(async () => {
  cinder = await startCinder({
    wrapBackend: (backend) => ({
      ...backend,
      settle: async (id) => {
        settled.push(id);
        return settleFails ? fault('conflict', 'the chain is broken') : undefined;
      },
    }),
  });
  await cinder.ask('admin', 'PUT', 'os-quota-sets/project-a', {
    body: { quota_set: { volumes: -1 } },
  });
});
after(async () => await cinder.close());
beforeEach(async () => {
  settled = [];
  volume = await cinder.make('volumes', 'volume', { size: 1 });
});

const connector = { host: 'h1', initiator: 'iqn.x' };
const attach = async (server: string, more: object = {}) =>
  await cinder.ask('member', 'POST', 'attachments', {
    body: { attachment: { volume_uuid: volume.id, instance_uuid: server, ...more } },
  });
const status = async (): Promise<string> =>
  (await cinder.show('volumes', 'volume', volume.id)).status;

test('reserved, attaching, in-use and available again, with the connection on the way', async () => {
  const { body } = await attach('s1');
  const { id } = body.attachment;
  assert.deepEqual([body.attachment.status, await status()], ['reserved', 'reserved']);
  const connected = await cinder.ask('admin', 'PUT', `attachments/${id}`, {
    body: { attachment: { connector } },
  });
  assert.deepEqual(
    [
      connected.status,
      connected.body.attachment.connection_info.driver_volume_type,
      connected.body.attachment.connection_info.volume,
      await status(),
    ],
    [200, 'sim', volume.id, 'attaching'],
  );
  assert.equal(
    (await cinder.ask('admin', 'POST', `attachments/${id}/action`, { body: { 'os-complete': {} } }))
      .status,
    204,
  );
  const shown = await cinder.show('volumes', 'volume', volume.id);
  assert.deepEqual(
    [
      shown.status,
      shown.attachments[0].server_id,
      shown.attachments[0].host_name,
      shown.attachments[0].attachment_id,
    ],
    ['in-use', 's1', 'h1', id],
  );
  assert.equal((await cinder.ask('member', 'DELETE', `volumes/${volume.id}`)).status, 400);
  assert.equal(
    (
      await cinder.ask('admin', 'POST', `volumes/${volume.id}/action`, {
        body: { 'os-begin_detaching': {} },
      })
    ).status,
    202,
  );
  assert.equal(await status(), 'detaching');
  // Nova deletes the volume next, so the DELETE must not be answered before the volume is free.
  assert.equal((await cinder.ask('admin', 'DELETE', `attachments/${id}`)).status, 200);
  assert.deepEqual([await status(), settled], ['available', [volume.id]]);
});

test('of many callers one gets the volume', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => await attach(`s${index}`)),
  );
  assert.deepEqual(answers.map(({ status: code }) => code).sort(), [
    200,
    ...Array.from({ length: 19 }, () => 400),
  ]);
});

test('an attached volume is refused to another server, also when it is only reserved', async () => {
  await attach('s1', { connector });
  assert.equal((await attach('s2')).status, 400);
});

test('a reservation that is given up frees the volume at once', async () => {
  const { body } = await attach('s1');
  await cinder.ask('member', 'DELETE', `attachments/${body.attachment.id}`);
  assert.deepEqual([await status(), settled], ['available', []]);
});

test('a volume whose settling fails is free all the same', async () => {
  const { body } = await attach('s1', { connector });
  settleFails = true;
  await cinder.ask('admin', 'DELETE', `attachments/${body.attachment.id}`);
  settleFails = false;
  assert.equal(await status(), 'available');
});

test('the older actions reserve, attach and detach', async () => {
  const act = async (body: Record<string, object>) =>
    (await cinder.ask('admin', 'POST', `volumes/${volume.id}/action`, { body: body as never }))
      .status; // plain JSON
  assert.equal(await act({ 'os-reserve': {} }), 202);
  assert.equal(await act({ 'os-reserve': {} }), 400);
  assert.equal(await act({ 'os-unreserve': {} }), 202);
  assert.equal(await status(), 'available');
  assert.equal(await act({ 'os-attach': { instance_uuid: 's1', mountpoint: '/dev/vdc' } }), 202);
  assert.equal(
    (await cinder.show('volumes', 'volume', volume.id)).attachments[0].device,
    '/dev/vdc',
  );
  assert.equal(await act({ 'os-detach': {} }), 202);
  await cinder.idle();
  assert.equal(await status(), 'available');
});

test('an attached volume is extended by Nova, and only since 3.42', async () => {
  const { body } = await attach('s1', { connector });
  await cinder.ask('admin', 'POST', `attachments/${body.attachment.id}/action`, {
    body: { 'os-complete': {} },
  });
  const extend = async (version: number) =>
    (
      await cinder.ask('member', 'POST', `volumes/${volume.id}/action`, {
        body: { 'os-extend': { new_size: 3 } },
        version,
      })
    ).status;
  assert.equal(await extend(41), 400);
  cinder.answerCalls(({ method }) => ({ status: method === 'GET' ? 404 : 200, body: {} }));
  assert.equal(await extend(42), 202);
  await cinder.idle();
  const events = cinder.calls
    .filter(({ path }) => path.endsWith('/os-server-external-events'))
    .map(({ body: sent }) => sent);
  assert.deepEqual(events, [
    { events: [{ name: 'volume-extended', server_uuid: 's1', tag: volume.id }] },
  ]);
  const shown = await cinder.show('volumes', 'volume', volume.id);
  assert.deepEqual(
    [shown.status, shown.size, cinder.world.get(volume.id)?.sizeGib],
    ['in-use', 3, 1],
  );
  await cinder.ask('admin', 'DELETE', `attachments/${body.attachment.id}`);
  assert.equal(cinder.world.get(volume.id)?.sizeGib, 3, 'detaching makes sure of the size');
});

test('a snapshot of a volume in use waits for what Nova says', async () => {
  const { body } = await attach('s1', { connector });
  await cinder.ask('admin', 'POST', `attachments/${body.attachment.id}/action`, {
    body: { 'os-complete': {} },
  });
  assert.equal(
    (
      await cinder.ask('member', 'POST', 'snapshots', {
        body: { snapshot: { volume_id: volume.id } },
        version: 0,
      })
    ).status,
    400,
  );
  cinder.answerCalls(({ method }) => ({ status: method === 'GET' ? 404 : 200, body: {} }));
  for (const [word, end] of [
    ['creating', 'available'],
    ['error', 'error'],
  ] as const) {
    const { id } = (
      await cinder.ask('member', 'POST', 'snapshots', {
        body: { snapshot: { volume_id: volume.id, force: true } },
        version: 0,
      })
    ).body.snapshot;
    await eventually(
      () =>
        cinder.calls.some(
          ({ path, body: sent }) =>
            path.endsWith('/os-assisted-volume-snapshots') && JSON.stringify(sent).includes(id),
        ),
      { withinMs: 5_000, what: 'Nova was asked' },
    );
    assert.equal((await cinder.show('snapshots', 'snapshot', id)).status, 'creating');
    assert.equal(
      (
        await cinder.ask('admin', 'POST', `snapshots/${id}/action`, {
          body: { 'os-update_snapshot_status': { status: word, progress: '90%' } },
        })
      ).status,
      202,
    );
    await cinder.idle();
    assert.equal((await cinder.show('snapshots', 'snapshot', id)).status, end);
    const inventory = await cinder.backends.get('sim')?.inventory();
    assert.equal(
      !isFault(inventory) &&
        inventory?.volumes.find((found) => found.id === volume.id)?.snapshots.includes(id),
      end === 'available',
    );
    assert.equal(await status(), 'in-use');
  }
});

test('an attachment that Nova uses can be deleted only by Nova', async () => {
  const { body } = await attach('s1', { connector });
  const { id } = body.attachment;
  cinder.answerCalls(() => ({ status: 200, body: { volumeAttachment: { attachment_id: id } } }));
  assert.equal((await cinder.ask('member', 'DELETE', `attachments/${id}`)).status, 409);
  assert.equal(
    (
      await cinder.ask('member', 'POST', `volumes/${volume.id}/action`, {
        body: { 'os-detach': {} },
      })
    ).status,
    409,
  );
  cinder.answerCalls(() => 'silent');
  assert.equal((await cinder.ask('member', 'DELETE', `attachments/${id}`)).status, 503);
  assert.equal((await cinder.ask('nova', 'DELETE', `attachments/${id}`)).status, 200);
  assert.equal(await status(), 'available');
});

test('while Nova attaches a volume, no other caller can release or rename the attachment', async () => {
  const { body } = await attach('s1', { connector });
  const { id } = body.attachment;
  assert.equal(await status(), 'attaching');
  cinder.answerCalls(({ path }) =>
    path.includes('/servers/s1/')
      ? { status: 200, body: { volumeAttachment: { attachment_id: id } } }
      : { status: 404, body: {} },
  );
  const act = async (action: Record<string, object>) =>
    (await cinder.ask('member', 'POST', `volumes/${volume.id}/action`, { body: action as never }))
      .status; // plain JSON
  assert.equal(await act({ 'os-unreserve': {} }), 409);
  for (const other of [{ instance_uuid: 's2' }, { host_name: 'elsewhere' }])
    assert.equal(await act({ 'os-attach': other }), 400);
  assert.equal((await cinder.ask('member', 'DELETE', `attachments/${id}`)).status, 409);
  assert.deepEqual(
    [
      await status(),
      (await cinder.ask('member', 'GET', `attachments/${id}`)).body.attachment.instance,
    ],
    ['attaching', 's1'],
  );
});

test('an attachment that Nova connects between the check and the release is not released', async () => {
  const { id } = (await attach('s1')).body.attachment;
  const { db } = cinder.deps.database;
  const judged = await findAttachment(db, id, null);
  assert.ok(judged);
  await cinder.ask('admin', 'PUT', `attachments/${id}`, { body: { attachment: { connector } } });
  const unasked = {
    call: async (): Promise<never> => {
      throw new Error('no other role is asked');
    },
  };
  const deps: HandlerDeps = {
    ...cinder.deps,
    backupStoreName: cinder.backups.name,
    scheduler: unasked,
    volume: unasked,
    backup: unasked,
    wakeVolume: async () => undefined,
    wakeBackup: async () => undefined,
  };
  // the only fields that `release` reads
  const request = { id: 'req-1', auth: { roles: ['member'] } } as unknown as Request;
  const released = await release(deps, request, judged);
  assert.equal(isFault(released) && released.kind, 'conflict');
  assert.deepEqual(
    [await status(), (await findAttachment(db, id, null))?.host_name, settled],
    ['attaching', 'h1', []],
  );
  assert.equal((await cinder.ask('nova', 'DELETE', `attachments/${id}`)).status, 200);
  assert.equal(await status(), 'available');
});
