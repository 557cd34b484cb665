// Servers are shelved, offloaded and brought back: their image, host, claim and volumes on the way.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { findServer } from '../store/servers.ts';
import { message } from './conductor.testing.ts';
import {
  attach,
  bootFrom,
  buildServer,
  calls,
  detach,
  disks,
  fixture,
  glance,
  imageId,
  nova,
  deleteServer,
  untilIdle,
  specs,
  statusOf,
  useVolumeServers,
  world,
} from './volumes.testing.ts';

useVolumeServers();

const { config } = nova.deps;
const act = async (id: string, body: Json, version = 90, who: 'member' | 'admin' = 'member') =>
  await nova.ask(who, 'POST', `servers/${id}/action`, { version, body });
const perform = async (id: string, body: Json, version?: number, who?: 'member' | 'admin') => {
  const answer = await act(id, body, version, who);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return await untilIdle(id);
};
const row = async (id: string) => {
  const server = await findServer(nova.deps.database.db, id, null);
  return server ?? assert.fail(`no server ${id}`);
};
/** Completes all images: a real host would upload them, the agent double does not. */
const uploaded = (): void => {
  for (const image of glance.images) Object.assign(image, { status: 'active', size: 7 });
};
/** Shelves the server, with its image complete before the guest is to be destroyed. */
const shelved = async (id: string): Promise<Loose> => {
  await fixture.stopSagas();
  assert.equal((await act(id, { shelve: null })).status, 202);
  uploaded();
  await fixture.startSagas();
  return await untilIdle(id);
};
const keepOnHost = async (work: () => Promise<void>): Promise<void> => {
  config.shelvedOffloadMs = -1;
  try {
    await work();
  } finally {
    config.shelvedOffloadMs = 0;
  }
};
const events = async (id: string): Promise<Record<string, string[]>> => {
  const path = `servers/${id}/os-instance-actions`;
  const { instanceActions } = (await nova.ask('admin', 'GET', path, { version: 90 })).body;
  const found: Record<string, string[]> = {};
  for (const { action, request_id: request } of instanceActions) {
    const { instanceAction } = (
      await nova.ask('admin', 'GET', `${path}/${request}`, { version: 90 })
    ).body;
    found[action] = instanceAction.events.map(({ event }: { event: string }) => event).sort();
  }
  return found;
};

describe('a server that is shelved', () => {
  it('leaves an image and its host, and is built from that image on a host again', async () => {
    const { id, ...before } = await buildServer();
    const server = await shelved(id);
    assert.deepEqual(
      [server.status, server['OS-EXT-SRV-ATTR:host'], server['OS-EXT-STS:power_state']],
      ['SHELVED_OFFLOADED', null, 4],
    );
    assert.deepEqual(server.image, before.image, 'as it was created from');
    const [image] = glance.images;
    assert.deepEqual(
      [image?.['name'], image?.['image_type'], image?.['base_image_ref']],
      ['vm-shelved', 'snapshot', imageId],
    );
    assert.deepEqual(
      calls.map(({ method }) => method),
      ['buildGuest', 'uploadRoot', 'destroyGuest'],
    );
    assert.ok(
      nova.calls.some(({ method, path }) => method === 'DELETE' && path === `/allocations/${id}`),
      'gives its claim back',
    );

    const back = await perform(id, { unshelve: null });
    assert.deepEqual(
      [back.status, back['OS-EXT-SRV-ATTR:host'], back['OS-EXT-STS:power_state']],
      ['ACTIVE', 'h1', 1],
    );
    assert.deepEqual(specs.get(id)?.rootDisk?.image?.id, image?.id);
    assert.equal(specs.get(id)?.rootDisk?.isCopy, true);
    assert.deepEqual(glance.images, [], 'the image is deleted');
    const { shelved_at_ms: atMs, shelved_image_id: shelvedImage } = await row(id);
    assert.deepEqual([atMs, shelvedImage], [null, null]);
    assert.deepEqual(await events(id), {
      create: ['compute__do_build_and_run_instance', 'conductor_schedule_and_claim'],
      shelve: ['compute_shelve_instance', 'compute_shelve_offload_instance'],
      unshelve: ['compute_unshelve_instance', 'get_image_info', 'schedule_instances'],
    });
  });

  it('stays on its host where it is to, until it is offloaded or started again', async () => {
    await keepOnHost(async () => {
      const { id } = await buildServer();
      assert.equal((await shelved(id)).status, 'SHELVED');
      assert.equal((await row(id)).host, 'h1');
      assert.ok(disks.has(id), 'its guest is there');
      assert.equal((await perform(id, { unshelve: null })).status, 'ACTIVE');
      assert.deepEqual(glance.images, []);
      await shelved(id);
      assert.equal((await act(id, { shelveOffload: null })).status, 403, 'for administrators');
      const offloaded = await perform(id, { shelveOffload: null }, 90, 'admin');
      assert.equal(offloaded.status, 'SHELVED_OFFLOADED');
      assert.ok(!disks.has(id));
    });
  });

  it('is allowed in the states that upstream allows', async () => {
    const { id } = await buildServer();
    for (const [action, status] of [
      ['unshelve', 'ACTIVE'],
      ['shelveOffload', 'ACTIVE'],
    ] as const) {
      const refusal = await act(id, { [action]: null }, 90, 'admin');
      assert.equal(refusal.status, 409, status);
      assert.equal(
        message(refusal),
        `Cannot '${action}' instance ${id} while it is in vm_state active`,
      );
    }
    await shelved(id);
    for (const action of ['shelve', 'os-start', 'os-stop', 'pause', 'shelveOffload', 'rescue'])
      assert.equal((await act(id, { [action]: null }, 90, 'admin')).status, 409, action);
    const again = await act(id, { shelve: null });
    assert.equal(
      message(again),
      `Cannot 'shelve' instance ${id} while it is in vm_state shelved_offloaded`,
    );
    assert.equal((await act(id, { createImage: { name: 'x' } })).status, 409);
    assert.equal((await act(id, { lock: null })).status, 202);
    assert.equal(message(await act(id, { unshelve: null })), `Instance ${id} is locked`);
    assert.equal((await act(id, { unlock: null })).status, 202);
  });

  it('still counts against the quota', async () => {
    const { id } = await buildServer();
    await shelved(id);
    const { limits } = (await nova.ask('member', 'GET', 'limits')).body;
    assert.equal(limits.absolute.totalInstancesUsed, 1);
  });

  it('takes its image with it when it is deleted', async () => {
    const { id } = await buildServer();
    await shelved(id);
    assert.equal(glance.images.length, 1);
    await deleteServer(id);
    assert.deepEqual(glance.images, []);
  });

  it('runs again where its disk cannot be copied', async () => {
    const { id } = await buildServer();
    world.refuses = { uploadRoot: fault('conflict', 'no room') };
    assert.equal((await perform(id, { shelve: null })).status, 'ACTIVE');
    assert.deepEqual(glance.images, [], 'the unfinished image is deleted');
  });

  it('keeps its guest when its image is gone, or its host is away', async () => {
    await keepOnHost(async () => {
      const { id } = await buildServer();
      await shelved(id);
      world.refuses = { destroyGuest: fault('unavailable', 'away') };
      assert.equal((await perform(id, { shelveOffload: null }, 90, 'admin')).status, 'SHELVED');
      world.refuses = {};
      glance.images.length = 0;
      assert.equal((await perform(id, { shelveOffload: null }, 90, 'admin')).status, 'SHELVED');
      assert.ok(disks.has(id));
      assert.equal((await perform(id, { unshelve: null })).status, 'ACTIVE');
    });
  });

  it('is in error when it is to come back and its image is gone; its owner can delete it', async () => {
    const { id } = await buildServer();
    await shelved(id);
    const [image] = glance.images.splice(0);
    const server = await perform(id, { unshelve: null });
    assert.equal(server.status, 'ERROR');
    assert.equal(
      server.fault.message,
      `Unshelve attempted but the image ${image?.id} cannot be found.`,
    );
    await deleteServer(id);
  });

  it('stays as it was where no host takes it', async () => {
    const { id } = await buildServer();
    await shelved(id);
    world.refuses = { buildGuest: fault('conflict', 'the host is broken') };
    const server = await perform(id, { unshelve: null });
    assert.equal(server.status, 'SHELVED_OFFLOADED');
    assert.equal((await row(id)).host, null);
    assert.equal(glance.images.length, 1, 'its image is kept');
    world.refuses = {};
    assert.equal((await perform(id, { unshelve: null })).status, 'ACTIVE');
  });
});

describe('the destination of an unshelve', () => {
  it('may be requested by zone since 2.77 and by host since 2.91', async () => {
    const { id } = await buildServer();
    await shelved(id);
    const unshelve = async (value: Json, version: number, who: 'member' | 'admin' = 'admin') => {
      const answer = await act(id, { unshelve: value }, version, who);
      return [answer.status, answer.status < 300 ? undefined : message(answer)];
    };
    for (const [value, version] of [
      [{}, 77],
      [{ host: 'h1' }, 77],
      [{ availability_zone: null }, 77],
      [{}, 91],
      [{ host: '' }, 91],
    ] as const)
      assert.equal((await unshelve(value, version))[0], 400, `${JSON.stringify(value)} ${version}`);
    assert.deepEqual(await unshelve({ availability_zone: 'moon' }, 77), [
      400,
      'The requested availability zone is not available',
    ]);
    assert.equal((await unshelve({ host: 'h1' }, 91, 'member'))[0], 403);
    assert.deepEqual(await unshelve({ host: 'h9' }, 91), [
      400,
      'Compute host h9 could not be found.',
    ]);
    assert.deepEqual(await unshelve({ availability_zone: 'nova', host: 'h1' }, 91), [
      202,
      undefined,
    ]);
    assert.equal((await untilIdle(id)).status, 'ACTIVE');
    assert.equal((await row(id)).availability_zone, 'nova');
  });

  it('cannot be requested for a server that is still on its host', async () => {
    await keepOnHost(async () => {
      const { id } = await buildServer();
      await shelved(id);
      const answer = await act(id, { unshelve: { availability_zone: 'nova' } }, 77);
      assert.equal(answer.status, 409);
      assert.match(message(answer), /with status "shelved" is not supported/);
    });
  });
});

describe('volumes of a shelved server', () => {
  const rootOf = async (id: string): Promise<string> =>
    (await nova.ask('member', 'GET', `servers/${id}/os-volume_attachments`)).body
      .volumeAttachments[0].volumeId;

  it('stay its own, on no host; one that boots from a volume makes no image', async () => {
    const root = world.cinder.addVolume({ bootable: 'true' });
    const { id } = await buildServer(bootFrom({ uuid: root.id, source_type: 'volume' }));
    assert.equal(statusOf(root.id), 'in-use');
    await keepOnHost(async () => {
      const server = await perform(id, { shelve: null });
      assert.equal(server.status, 'SHELVED_OFFLOADED', 'nothing of it is left on its host');
    });
    assert.deepEqual(glance.images, []);
    assert.equal(await rootOf(id), root.id);
    assert.equal(statusOf(root.id), 'reserved');
    assert.equal((await perform(id, { unshelve: null })).status, 'ACTIVE');
    assert.equal(statusOf(root.id), 'in-use');
    assert.equal(specs.get(id)?.rootDisk, null);
    assert.deepEqual((await events(id))['shelve'], ['compute_shelve_offload_instance']);
  });

  it('are attached and detached while it is on no host', async () => {
    const { id } = await buildServer();
    await shelved(id);
    const [one, two] = [world.cinder.addVolume(), world.cinder.addVolume()];
    for (const { id: volume } of [one, two]) assert.equal((await attach(id, volume)).status, 200);
    await untilIdle(id);
    // As upstream, the volume stays in-use although its server is on no host.
    assert.equal(statusOf(one.id), 'in-use');
    assert.equal((await detach(id, one.id)).status, 202);
    await untilIdle(id);
    assert.deepEqual([statusOf(one.id), statusOf(two.id)], ['available', 'in-use']);
    await perform(id, { unshelve: null });
    assert.deepEqual(
      disks.get(id)?.map(({ volumeId }) => volumeId),
      [two.id],
    );
    assert.equal(statusOf(two.id), 'in-use');
  });

  it('are kept by the tasks that give back what is left behind', async () => {
    const { id } = await buildServer();
    const { id: volume } = world.cinder.addVolume();
    await attach(id, volume);
    await untilIdle(id);
    await shelved(id);
    await fixture.runTask('nova.reap-volumes');
    await fixture.runTask('nova.reap-ports');
    assert.equal(statusOf(volume), 'reserved');
    glance.images.length = 0;
    await perform(id, { unshelve: null });
    await fixture.runTask('nova.reap-volumes');
    assert.equal(statusOf(volume), 'reserved', 'also when it cannot come back');
  });
});
