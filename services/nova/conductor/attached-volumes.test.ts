// Volumes attached to servers and detached, from the API through the sagas.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { settleMs } from './conductor.testing.ts';
import { expectedGuests } from './expected-guests.ts';
import {
  attach,
  buildServer,
  calls,
  detach,
  disks,
  nova,
  untilIdle,
  statusOf,
  useVolumeServers,
  world,
} from './volumes.testing.ts';

useVolumeServers();

describe('a volume', () => {
  it('is attached to a server, shown, and detached again', async () => {
    const [server, volume] = [await buildServer(), world.cinder.addVolume()];
    const attachment = await attach(server.id, volume.id, {
      tag: 'data',
      delete_on_termination: true,
    });
    assert.equal(attachment.status, 200, JSON.stringify(attachment.body));
    assert.deepEqual(
      [
        attachment.body.volumeAttachment.device,
        attachment.body.volumeAttachment.tag,
        attachment.body.volumeAttachment.delete_on_termination,
      ],
      ['/dev/vdb', 'data', true],
    );
    const shown = await untilIdle(server.id);
    assert.deepEqual(shown['os-extended-volumes:volumes_attached'], [
      { id: volume.id, delete_on_termination: true },
    ]);
    assert.deepEqual(
      [
        statusOf(volume.id),
        world.cinder.attachments[0]?.status,
        attachment.body.volumeAttachment.id,
      ],
      ['in-use', 'attached', volume.id],
    );
    const [listed] = (
      await nova.ask('member', 'GET', `servers/${server.id}/os-volume_attachments`, { version: 89 })
    ).body.volumeAttachments;
    assert.deepEqual(
      [Object.keys(attachment.body.volumeAttachment).sort(), Object.keys(listed).sort()],
      [
        ['delete_on_termination', 'device', 'id', 'serverId', 'tag', 'volumeId'],
        [
          'attachment_id',
          'bdm_uuid',
          'delete_on_termination',
          'device',
          'serverId',
          'tag',
          'volumeId',
        ],
      ],
    );
    assert.equal(listed.attachment_id, world.cinder.attachments[0]?.id);
    const connection = {
      protocol: 'nfs',
      server: '10.0.0.9',
      share: '/vol',
      file: `volume-${volume.id}`,
      format: 'qcow2',
    };
    assert.deepEqual(disks.get(server.id), [
      { volumeId: volume.id, connection, device: 'vdb', bus: 'virtio', bootIndex: null },
    ]);
    assert.deepEqual(
      ((await expectedGuests(nova.deps, { host: 'h1', uuids: [] })) as Loose).guests[0].volumes,
      disks.get(server.id),
      'the agent mends towards it',
    );
    const path = `servers/${server.id}/os-volume_attachments`;
    assert.deepEqual((await nova.ask('member', 'GET', path)).body.volumeAttachments, [
      { id: volume.id, volumeId: volume.id, serverId: server.id, device: '/dev/vdb' },
    ]);
    assert.deepEqual(
      [
        (
          await nova.ask('member', 'PUT', `${path}/${volume.id}`, {
            version: 85,
            body: { volumeAttachment: { volumeId: volume.id, delete_on_termination: false } },
          })
        ).status,
        (await nova.ask('member', 'GET', `${path}/${volume.id}`, { version: 79 })).body
          .volumeAttachment.delete_on_termination,
      ],
      [202, false],
    );

    assert.equal((await nova.ask('member', 'DELETE', `${path}/${volume.id}`)).status, 202);
    assert.deepEqual((await untilIdle(server.id))['os-extended-volumes:volumes_attached'], []);
    assert.deepEqual(
      [statusOf(volume.id), world.cinder.attachments, disks.get(server.id)],
      ['available', [], []],
    );
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${volume.id}`)).status, 404);
  });

  it('that is not there, not free or asked for in the wrong state is refused', async () => {
    const [server, other, volume] = [
      await buildServer(),
      await buildServer(),
      world.cinder.addVolume(),
    ];
    assert.equal((await attach(server.id, nova.deps.ids.uuid())).status, 404);
    assert.equal((await attach(server.id, volume.id)).status, 200);
    await untilIdle(server.id);
    for (const id of [server.id, other.id]) assert.equal((await attach(id, volume.id)).status, 400);
    assert.equal(
      (
        await nova.ask('member', 'PUT', `servers/${server.id}/os-volume_attachments/${volume.id}`, {
          body: { volumeAttachment: { volumeId: nova.deps.ids.uuid() } },
        })
      ).status,
      400,
    );
    await nova.deps.database.db
      .updateTable('servers')
      .set({ vm_state: 'rescued' })
      .where('id', '=', server.id)
      .execute();
    assert.equal((await attach(server.id, world.cinder.addVolume().id)).status, 409);
    assert.equal((await detach(server.id, volume.id)).status, 409);
    assert.equal(
      (await nova.ask('other', 'GET', `servers/${server.id}/os-volume_attachments`)).status,
      404,
    );
  });

  it('asked for by two servers at once is given to one', async () => {
    const [first, second, volume] = [
      await buildServer(),
      await buildServer(),
      world.cinder.addVolume(),
    ];
    const answers = await Promise.all(
      [first, second].map(async ({ id }) => await attach(id, volume.id)),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400]);
    await Promise.all([first, second].map(async ({ id }) => await untilIdle(id)));
    assert.deepEqual([statusOf(volume.id), world.cinder.attachments.length], ['in-use', 1]);
  });

  it('that cannot be attached to the guest becomes available again; one that the guest does not release stays in use', async () => {
    const [server, volume] = [await buildServer(), world.cinder.addVolume()];
    world.refuses = { attachVolume: fault('conflict', 'no slot') };
    await attach(server.id, volume.id); // 200; 400 if it failed before the answer
    assert.deepEqual((await untilIdle(server.id))['os-extended-volumes:volumes_attached'], []);
    assert.deepEqual([statusOf(volume.id), world.cinder.attachments], ['available', []]);
    world.refuses = {};
    await attach(server.id, volume.id);
    await untilIdle(server.id);
    world.refuses = { detachVolume: fault('conflict', 'busy') };
    assert.equal((await detach(server.id, volume.id)).status, 202);
    await untilIdle(server.id);
    assert.deepEqual(
      [statusOf(volume.id), disks.get(server.id)?.length, world.cinder.attachments.length],
      ['in-use', 1, 1],
    );
  });

  it('grows under its server when Cinder says so, and is snapshotted with its help', async () => {
    const [server, volume] = [await buildServer(), world.cinder.addVolume()];
    await attach(server.id, volume.id);
    await untilIdle(server.id);
    volume.size = 3;
    assert.equal(
      (
        await nova.ask('admin', 'POST', 'os-server-external-events', {
          version: 51,
          body: { events: [{ name: 'volume-extended', server_uuid: server.id, tag: volume.id }] },
        })
      ).status,
      200,
    );
    await eventually(
      () => calls.some(({ method, params }) => method === 'resizeVolume' && params.sizeGib === 3),
      { withinMs: settleMs, what: 'the guest is told' },
    );
    const ask = async (snapshot: string, file: string): Promise<Answer> =>
      await nova.ask('admin', 'POST', 'os-assisted-volume-snapshots', {
        body: {
          snapshot: {
            volume_id: volume.id,
            create_info: { snapshot_id: snapshot, new_file: file, type: 'qcow2' },
          },
        },
      });
    assert.deepEqual((await ask('s1', 'volume-new')).body, {
      snapshot: { id: 's1', volumeId: volume.id },
    });
    await eventually(() => world.cinder.reportedStatuses.has('s1'), {
      withinMs: settleMs,
      what: 'Cinder is told',
    });
    assert.deepEqual(
      [
        calls.findLast(({ method }) => method === 'snapshotVolume')?.params.next.file,
        world.cinder.reportedStatuses.get('s1'),
      ],
      ['volume-new', 'creating'],
    );
    world.refuses = { snapshotVolume: fault('conflict', 'no') };
    await ask('s2', 'volume-newer');
    await eventually(() => world.cinder.reportedStatuses.has('s2'), {
      withinMs: settleMs,
      what: 'Cinder is told',
    });
    assert.equal(world.cinder.reportedStatuses.get('s2'), 'error');
    assert.equal(
      ((await expectedGuests(nova.deps, { host: 'h1', uuids: [] })) as Loose).guests[0].volumes[0]
        .connection.file,
      'volume-new',
    );
    assert.equal(
      (await nova.ask('admin', 'DELETE', 'os-assisted-volume-snapshots/s1?delete_info=%7B%7D'))
        .status,
      204,
    );
  });
});
