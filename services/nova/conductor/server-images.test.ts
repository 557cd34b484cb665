// Images made of servers, and the removal of what failed requests created at other services.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { message, settleMs } from './conductor.testing.ts';
import {
  bootFrom,
  buildServer,
  calls,
  fixture,
  glance,
  imageId,
  nova,
  post,
  deleteServer,
  untilIdle,
  show,
  specs,
  useVolumeServers,
  world,
} from './volumes.testing.ts';

useVolumeServers();

describe('an image of a server', () => {
  const image = async (id: string, version: number): Promise<Answer> =>
    await nova.ask('member', 'POST', `servers/${id}/action`, {
      version,
      body: { createImage: { name: 'copy', metadata: { colour: 'blue' } } },
    });

  it('is made of its root disk by its host', async () => {
    const server = await buildServer();
    const answer = await image(server.id, 44);
    assert.deepEqual(
      [answer.status, answer.headers['location']?.split('/').at(-1)],
      [202, glance.images[0]?.id],
    );
    await untilIdle(server.id);
    assert.deepEqual(calls.findLast(({ method }) => method === 'uploadRoot')?.params, {
      uuid: server.id,
      imageId: glance.images[0]?.id,
    });
    assert.deepEqual(
      ['name', 'disk_format', 'image_type', 'base_image_ref', 'instance_uuid', 'colour'].map(
        (name) => glance.images[0]?.[name],
      ),
      ['copy', 'qcow2', 'snapshot', imageId, server.id, 'blue'],
    );
    world.refuses = { uploadRoot: fault('conflict', 'no room') };
    assert.equal((await image(server.id, 45)).body.image_id, glance.images[1]?.id);
    assert.equal((await untilIdle(server.id)).status, 'ACTIVE');
    assert.equal(glance.images.length, 1, 'the unfinished one is deleted');
    await nova.deps.database.db
      .updateTable('servers')
      .set({ vm_state: 'rescued' })
      .where('id', '=', server.id)
      .execute();
    assert.equal((await image(server.id, 45)).status, 409);
  });

  it('or a backup, as its task state says', async () => {
    const server = await buildServer();
    await fixture.stopSagas();
    assert.equal(
      (
        await nova.ask('member', 'POST', `servers/${server.id}/action`, {
          body: { createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } },
        })
      ).status,
      202,
    );
    assert.equal((await show(server.id))['OS-EXT-STS:task_state'], 'image_backup');
    await fixture.startSagas();
    assert.equal((await untilIdle(server.id))['OS-EXT-STS:task_state'], null);
  });

  it('that boots from a volume names snapshots, and other servers boot from it', async () => {
    const server = await buildServer({
      imageRef: '',
      block_device_mapping_v2: [
        {
          boot_index: 0,
          destination_type: 'volume',
          source_type: 'image',
          uuid: imageId,
          volume_size: 2,
          delete_on_termination: true,
        },
      ],
    });
    const answer = await image(server.id, 45);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const [mapping] = JSON.parse(glance.images[0]?.['block_device_mapping'] as string) as Loose[];
    assert.equal(glance.images[0]?.['root_device_name'], '/dev/vda');
    assert.deepEqual(
      [mapping.source_type, mapping.snapshot_id, mapping.boot_index, mapping.volume_size],
      ['snapshot', world.cinder.snapshots[0]?.id, 0, 2],
    );
    const other = await buildServer({ imageRef: answer.body.image_id });
    assert.deepEqual(
      [other.status, specs.get(other.id)?.rootDisk, specs.get(other.id)?.volumes[0]?.device],
      ['ACTIVE', null, 'vda'],
    );
    assert.equal(
      (
        await nova.ask('member', 'POST', `servers/${server.id}/action`, {
          body: { rebuild: { imageRef: imageId } },
        })
      ).status,
      400,
    );
    const backup = await nova.ask('member', 'POST', `servers/${server.id}/action`, {
      body: { createBackup: { name: 'b', backup_type: 'daily', rotation: 1 } },
    });
    assert.deepEqual(
      [backup.status, message(backup)],
      [400, 'It is not supported to backup volume backed instance.'],
    );
  });
});

describe('resources of a create request that fails', () => {
  const two = () =>
    bootFrom(
      { source_type: 'image', uuid: imageId, volume_size: 1 },
      { source_type: 'blank', volume_size: 1 },
    );
  const nothingLeft = async (): Promise<void> => {
    const {
      database: { db },
      sagas,
    } = nova.deps;
    await eventually(
      async () => {
        await fixture.runTask('nova.remove-abandoned-resources');
        const pending = await db.selectFrom('pending_resources').select('id').execute();
        return pending.length + (await sagas.busyKeys()).size === 0;
      },
      { withinMs: settleMs, what: 'no pending resources to be left' },
    );
    assert.deepEqual([world.cinder.volumes, world.cinder.snapshots, glance.images], [[], [], []]);
  };

  it("are removed even if Cinder's answer was lost, or the first attempt to remove them fails", async () => {
    for (const stuck of [null, 'creating'] as const) {
      [world.cinder.stuck, world.cinder.loses] = [stuck, 2];
      const refusal = post(two());
      if (stuck !== null) {
        await eventually(() => world.cinder.volumes.length === 2, {
          withinMs: settleMs,
          what: 'Cinder to have made both',
        });
        for (const volume of world.cinder.volumes) volume.status = 'available';
      }
      assert.equal((await refusal).status, 503);
      await nothingLeft();
    }
  });

  it('are removed when the process of the request dies', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    world.cinder.hold = promise;
    const dying = post(two());
    await eventually(() => world.cinder.volumes.length === 1, {
      withinMs: settleMs,
      what: 'Cinder to have made one',
    });
    await nova.deps.database.db.updateTable('pending_resources').set({ abandoned: 1 }).execute();
    await fixture.runTask('nova.remove-abandoned-resources');
    await nothingLeft();
    resolve();
    await assert.rejects(dying, /500/, 'one that only slept finds that it was given up');
    await nothingLeft();
  });

  it('are removed for the servers that do not fit', async () => {
    const quota = async (instances: number): Promise<number> =>
      (
        await nova.ask('admin', 'PUT', 'os-quota-sets/project-a', {
          body: { quota_set: { instances } },
        })
      ).status;
    assert.equal(await quota(2), 200);
    assert.equal((await post({ ...two(), min_count: 1, max_count: 4 })).status, 202);
    const { servers } = (await nova.ask('member', 'GET', 'servers')).body;
    for (const { id } of servers) assert.equal((await untilIdle(id)).status, 'ACTIVE');
    await eventually(
      async () => {
        await fixture.runTask('nova.remove-abandoned-resources');
        return world.cinder.volumes.length === 4;
      },
      { withinMs: settleMs, what: 'the volumes of two servers to be left' },
    );
    assert.deepEqual(
      world.cinder.volumes.map(({ status }) => status),
      ['in-use', 'in-use', 'in-use', 'in-use'],
    );
    await quota(-1);
    for (const { id } of servers) await deleteServer(id);
    world.cinder.volumes.length = 0;
    await nothingLeft();
  });

  it('are removed when an image of volumes is refused', async () => {
    const server = await buildServer(two());
    world.cinder.maxSnapshots = 1;
    assert.equal(
      (
        await nova.ask('member', 'POST', `servers/${server.id}/action`, {
          body: { createImage: { name: 'copy' } },
        })
      ).status,
      403,
    );
    world.cinder.maxSnapshots = Infinity;
    await deleteServer(server.id);
    world.cinder.volumes.length = 0;
    await nothingLeft();
  });
});
