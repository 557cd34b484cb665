// Servers with volumes, from the API through the sagas: attached, detached, booted from, given
// back. Real database, bus and saga runner; Placement, Glance and Cinder are doubles at the HTTP
// boundary, the host is one at the bus.
import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Fault } from '#contracts/common/fault.ts';
import type { Json, JsonObject } from '#contracts/common/json.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { GuestSpec, GuestVolume } from '#contracts/nova/guest.ts';
import type { HttpCall } from '#openstack/http/client.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Answer, Loose } from '../api/nova-api.testing.ts';
import type { CinderDouble } from '../cinder.testing.ts';
import { cinderDouble } from '../cinder.testing.ts';
import { message, settleMs, startConductor } from './conductor.testing.ts';
import { expectedGuests } from './observe-host.ts';
import { reapVolumes } from './tasks/reap-volumes.ts';

const never = new AbortController().signal;
let cinder: CinderDouble;
/** Volumes of guests on the host, as the agent was told; what it refuses. */
const disks = new Map<string, GuestVolume[]>();
const specs = new Map<string, GuestSpec>();
let refuses: Partial<Record<keyof ComputeAgentRpc, Fault>> = {};
const glance: { images: (JsonObject & { id: string })[] } = { images: [] };
const calls: { method: string; params: Loose }[] = [];

const told =
  <K extends keyof ComputeAgentRpc>(
    method: K,
    work: (params: ComputeAgentRpc[K]['params']) => void,
  ) =>
  async (params: ComputeAgentRpc[K]['params']) => {
    calls.push({ method, params });
    const refused = refuses[method];
    if (refused) return refused;
    work(params);
    return null;
  };
const fixture = await startConductor({
  hosts: ['h1'],
  server: { networks: 'none' },
  agent: {
    buildGuest: told('buildGuest', ({ spec }) => {
      specs.set(spec.uuid, spec);
      disks.set(spec.uuid, [...spec.volumes]);
    }),
    destroyGuest: told('destroyGuest', ({ uuid }) => void disks.delete(uuid)),
    attachVolume: told(
      'attachVolume',
      ({ uuid, volume }) =>
        void disks.set(uuid, [
          ...(disks.get(uuid) ?? []).filter(({ volumeId }) => volumeId !== volume.volumeId),
          volume,
        ]),
    ),
    detachVolume: told(
      'detachVolume',
      ({ uuid, volumeId }) =>
        void disks.set(
          uuid,
          (disks.get(uuid) ?? []).filter((volume) => volume.volumeId !== volumeId),
        ),
    ),
    resizeVolume: told('resizeVolume', () => undefined),
    snapshotVolume: told('snapshotVolume', () => undefined),
    uploadRoot: told('uploadRoot', () => undefined),
  },
});
const {
  nova,
  image: { id: imageId },
  post,
  show,
  rested,
  built,
  removed,
} = fixture;

after(async () => await fixture.close());
beforeEach(() => {
  [cinder, refuses] = [cinderDouble(), {}];
  [calls.length, glance.images.length] = [0, 0];
  nova.answerCalls((call) => {
    if (call.service === 'volume') return cinder.answer(call);
    if (call.service === 'network') return { status: 200, body: { networks: [], ports: [] } };
    if (
      call.service === 'image' &&
      (call.method !== 'GET' || glance.images.some(({ id }) => call.path.endsWith(id)))
    )
      return images(call);
    if (call.service === 'image')
      return { status: call.path.includes(imageId) ? 200 : 404, body: fixture.image };
    return fixture.placement(call);
  });
});
afterEach(async () => {
  [cinder.away, refuses] = [false, {}];
  await fixture.removeAll();
  await reapVolumes(nova.deps).run(never);
});

/** Images that servers are made into. */
function images({ method, path, body }: HttpCall): { status: number; body?: Json } {
  const at = glance.images.findIndex(({ id }) => path.includes(id));
  if (method === 'POST')
    return {
      status: 201,
      body:
        glance.images[
          glance.images.push({
            id: nova.deps.ids.uuid(),
            ...(body as JsonObject),
            status: 'queued',
            size: 0,
          }) - 1
        ] ?? {},
    };
  if (method === 'DELETE') glance.images.splice(at, 1);
  if (method === 'PUT') Object.assign(glance.images[at] ?? {}, { status: 'active' });
  return method === 'GET' ? { status: 200, body: glance.images[at] ?? {} } : { status: 204 };
}

const attach = async (
  id: string,
  volumeId: string,
  more: Record<string, Json> = {},
  version = 89,
): Promise<Answer> =>
  await nova.ask('member', 'POST', `servers/${id}/os-volume_attachments`, {
    version,
    body: { volumeAttachment: { volumeId, ...more } },
  });
const statusOf = (id: string): string | undefined =>
  cinder.volumes.find((volume) => volume.id === id)?.status;

describe('a volume', () => {
  it('is attached to a server, shown, and detached again', async () => {
    const [server, volume] = [await built(), cinder.addVolume()];
    const made = await attach(server.id, volume.id, { tag: 'data', delete_on_termination: true });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.deepEqual(
      [
        made.body.volumeAttachment.device,
        made.body.volumeAttachment.tag,
        made.body.volumeAttachment.delete_on_termination,
      ],
      ['/dev/vdb', 'data', true],
    );
    const shown = await rested(server.id);
    assert.deepEqual(shown['os-extended-volumes:volumes_attached'], [
      { id: volume.id, delete_on_termination: true },
    ]);
    assert.deepEqual(
      [statusOf(volume.id), cinder.attachments[0]?.status, made.body.volumeAttachment.id],
      ['in-use', 'attached', volume.id],
    );
    const [listed] = (
      await nova.ask('member', 'GET', `servers/${server.id}/os-volume_attachments`, { version: 89 })
    ).body.volumeAttachments;
    assert.deepEqual(
      [Object.keys(made.body.volumeAttachment).sort(), Object.keys(listed).sort()],
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
    assert.equal(listed.attachment_id, cinder.attachments[0]?.id);
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
    assert.deepEqual((await rested(server.id))['os-extended-volumes:volumes_attached'], []);
    assert.deepEqual(
      [statusOf(volume.id), cinder.attachments, disks.get(server.id)],
      ['available', [], []],
    );
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${volume.id}`)).status, 404);
  });

  it('that is not there, not free or asked for in the wrong state is refused', async () => {
    const [server, other, volume] = [await built(), await built(), cinder.addVolume()];
    assert.equal((await attach(server.id, nova.deps.ids.uuid())).status, 404);
    assert.equal((await attach(server.id, volume.id)).status, 200);
    await rested(server.id);
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
    assert.equal((await attach(server.id, cinder.addVolume().id)).status, 409);
    assert.equal(
      (
        await nova.ask(
          'member',
          'DELETE',
          `servers/${server.id}/os-volume_attachments/${volume.id}`,
        )
      ).status,
      409,
    );
    assert.equal(
      (await nova.ask('other', 'GET', `servers/${server.id}/os-volume_attachments`)).status,
      404,
    );
  });

  it('asked for by two servers at once is given to one', async () => {
    const [first, second, volume] = [await built(), await built(), cinder.addVolume()];
    const answers = await Promise.all(
      [first, second].map(async ({ id }) => await attach(id, volume.id)),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 400]);
    await Promise.all([first, second].map(async ({ id }) => await rested(id)));
    assert.deepEqual([statusOf(volume.id), cinder.attachments.length], ['in-use', 1]);
  });

  it('that cannot be plugged in is free again; one that the guest holds on to stays in use', async () => {
    const [server, volume] = [await built(), cinder.addVolume()];
    refuses = { attachVolume: fault('conflict', 'no slot') };
    await attach(server.id, volume.id); // 200, or 400 where the failure is known before the answer
    assert.deepEqual((await rested(server.id))['os-extended-volumes:volumes_attached'], []);
    assert.deepEqual([statusOf(volume.id), cinder.attachments], ['available', []]);
    refuses = {};
    await attach(server.id, volume.id);
    await rested(server.id);
    refuses = { detachVolume: fault('conflict', 'busy') };
    assert.equal(
      (
        await nova.ask(
          'member',
          'DELETE',
          `servers/${server.id}/os-volume_attachments/${volume.id}`,
        )
      ).status,
      202,
    );
    await rested(server.id);
    assert.deepEqual(
      [statusOf(volume.id), disks.get(server.id)?.length, cinder.attachments.length],
      ['in-use', 1, 1],
    );
  });

  it('grows under its server when Cinder says so, and is snapshotted with its help', async () => {
    const [server, volume] = [await built(), cinder.addVolume()];
    await attach(server.id, volume.id);
    await rested(server.id);
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
    await eventually(() => cinder.told.has('s1'), { withinMs: settleMs, what: 'Cinder is told' });
    assert.deepEqual(
      [
        calls.findLast(({ method }) => method === 'snapshotVolume')?.params.next.file,
        cinder.told.get('s1'),
      ],
      ['volume-new', 'creating'],
    );
    refuses = { snapshotVolume: fault('conflict', 'no') };
    await ask('s2', 'volume-newer');
    await eventually(() => cinder.told.has('s2'), { withinMs: settleMs, what: 'Cinder is told' });
    assert.equal(cinder.told.get('s2'), 'error');
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

describe('an image of a server', () => {
  const image = async (id: string, version: number): Promise<Answer> =>
    await nova.ask('member', 'POST', `servers/${id}/action`, {
      version,
      body: { createImage: { name: 'copy', metadata: { colour: 'blue' } } },
    });

  it('is made of its root disk by its host', async () => {
    const server = await built();
    const made = await image(server.id, 44);
    assert.deepEqual(
      [made.status, made.headers['location']?.split('/').at(-1)],
      [202, glance.images[0]?.id],
    );
    await rested(server.id);
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
    refuses = { uploadRoot: fault('conflict', 'no room') };
    assert.equal((await image(server.id, 45)).body.image_id, glance.images[1]?.id);
    assert.equal((await rested(server.id)).status, 'ACTIVE');
    assert.equal(glance.images.length, 1, 'the unfinished one is deleted');
    await nova.deps.database.db
      .updateTable('servers')
      .set({ vm_state: 'rescued' })
      .where('id', '=', server.id)
      .execute();
    assert.equal((await image(server.id, 45)).status, 409);
  });

  it('or a backup, as its task state says', async () => {
    const server = await built();
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
    assert.equal((await rested(server.id))['OS-EXT-STS:task_state'], null);
  });

  it('that boots from a volume names snapshots, and other servers boot from it', async () => {
    const server = await built({
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
    const made = await image(server.id, 45);
    assert.equal(made.status, 202, JSON.stringify(made.body));
    const [mapping] = JSON.parse(glance.images[0]?.['block_device_mapping'] as string) as Loose[];
    assert.equal(glance.images[0]?.['root_device_name'], '/dev/vda');
    assert.deepEqual(
      [mapping.source_type, mapping.snapshot_id, mapping.boot_index, mapping.volume_size],
      ['snapshot', cinder.snapshots[0]?.id, 0, 2],
    );
    const other = await built({ imageRef: made.body.image_id });
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

describe('what a request makes in vain', () => {
  const two = () => ({
    imageRef: '',
    block_device_mapping_v2: [
      {
        source_type: 'image',
        destination_type: 'volume',
        uuid: imageId,
        volume_size: 1,
        boot_index: 0,
      },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1 },
    ],
  });
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
    assert.deepEqual([cinder.volumes, cinder.snapshots, glance.images], [[], [], []]);
  };

  it('goes also where Cinder made it and its answer was lost, and where nothing can be removed at once', async () => {
    for (const stuck of [null, 'creating'] as const) {
      [cinder.stuck, cinder.loses] = [stuck, 2];
      const refused = post(two());
      if (stuck !== null) {
        await eventually(() => cinder.volumes.length === 2, {
          withinMs: settleMs,
          what: 'Cinder to have made both',
        });
        for (const volume of cinder.volumes) volume.status = 'available';
      }
      assert.equal((await refused).status, 503);
      await nothingLeft();
    }
  });

  it('goes when the process of the request dies', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    cinder.hold = promise;
    const dying = post(two());
    await eventually(() => cinder.volumes.length === 1, {
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

  it('goes as far as it was made for servers that do not fit', async () => {
    const quota = async (instances: number): Promise<number> =>
      (
        await nova.ask('admin', 'PUT', 'os-quota-sets/project-a', {
          body: { quota_set: { instances } },
        })
      ).status;
    assert.equal(await quota(2), 200);
    assert.equal((await post({ ...two(), min_count: 1, max_count: 4 })).status, 202);
    const { servers } = (await nova.ask('member', 'GET', 'servers')).body;
    for (const { id } of servers) assert.equal((await rested(id)).status, 'ACTIVE');
    await eventually(
      async () => {
        await fixture.runTask('nova.remove-abandoned-resources');
        return cinder.volumes.length === 4;
      },
      { withinMs: settleMs, what: 'the volumes of two servers to be left' },
    );
    assert.deepEqual(
      cinder.volumes.map(({ status }) => status),
      ['in-use', 'in-use', 'in-use', 'in-use'],
    );
    await quota(-1);
    for (const { id } of servers) await removed(id);
    cinder.volumes.length = 0;
    await nothingLeft();
  });

  it('goes when an image of volumes is refused', async () => {
    const server = await built(two());
    cinder.maxSnapshots = 1;
    assert.equal(
      (
        await nova.ask('member', 'POST', `servers/${server.id}/action`, {
          body: { createImage: { name: 'copy' } },
        })
      ).status,
      403,
    );
    cinder.maxSnapshots = Infinity;
    await removed(server.id);
    cinder.volumes.length = 0;
    await nothingLeft();
  });
});

describe('a server that boots from a volume', () => {
  const mapping = (device: Record<string, Json>): Record<string, Json> => ({
    imageRef: '',
    block_device_mapping_v2: [{ boot_index: 0, destination_type: 'volume', ...device }],
  });

  it('made from an image gets it as its first disk, and takes it along when it goes if asked to', async () => {
    for (const goes of [true, false]) {
      const server = await built({
        ...mapping({
          source_type: 'image',
          uuid: imageId,
          volume_size: 2,
          delete_on_termination: goes,
        }),
      });
      assert.equal(server.status, 'ACTIVE', JSON.stringify(server.fault));
      assert.deepEqual(
        [server.image, cinder.volumes.map(({ size, status }) => [size, status])],
        ['', [[2, 'in-use']]],
      );
      const spec = specs.get(server.id);
      assert.deepEqual(
        [spec?.rootDisk, spec?.volumes.map(({ device, bootIndex }) => [device, bootIndex])],
        [null, [['vda', 0]]],
      );
      assert.equal(
        (
          await nova.ask(
            'member',
            'DELETE',
            `servers/${server.id}/os-volume_attachments/${cinder.volumes[0]?.id}`,
          )
        ).status,
        403,
      );
      await removed(server.id);
      assert.deepEqual(
        cinder.volumes.map(({ status }) => status),
        goes ? [] : ['available'],
      );
      cinder.volumes.length = 0;
    }
  });

  it('takes it along also where a snapshot of it comes or goes just then, and leaves it where a snapshot stays', async () => {
    for (const status of ['creating', 'deleting', 'available']) {
      const server = await built({
        ...mapping({
          source_type: 'image',
          uuid: imageId,
          volume_size: 2,
          delete_on_termination: true,
        }),
      });
      const snapshot = {
        id: nova.deps.ids.uuid(),
        volume_id: cinder.volumes[0]?.id ?? '',
        status,
        size: 2,
      };
      cinder.snapshots.push(snapshot);
      const passes = status !== 'available';
      if (passes) setTimeout(() => cinder.snapshots.splice(0), 300);
      await removed(server.id);
      assert.equal(cinder.volumes.length, passes ? 0 : 1, status);
      cinder.snapshots.length = 0;
      cinder.volumes.length = 0;
    }
  });

  it('is told of it by what its image says: its kernel, its bus', async () => {
    const part = (name: string): string => {
      glance.images.push({
        id: nova.deps.ids.uuid(),
        name,
        status: 'active',
        disk_format: name,
        size: 7,
        min_disk: 0,
        min_ram: 0,
      });
      return glance.images.at(-1)?.id ?? '';
    };
    const parts = { kernel_id: part('aki'), ramdisk_id: part('ari') };
    const origin = cinder.addVolume({
      bootable: 'true',
      volume_image_metadata: {
        image_id: imageId,
        image_name: 'tiny',
        min_ram: '64',
        hw_vif_model: 'e1000',
        ...parts,
      },
    });
    cinder.snapshots.push({
      id: nova.deps.ids.uuid(),
      volume_id: origin.id,
      status: 'available',
      size: 1,
    });
    for (const device of [
      { source_type: 'snapshot', uuid: cinder.snapshots[0]?.id ?? '' },
      { source_type: 'volume', uuid: origin.id },
    ]) {
      const { id, ...server } = await built(mapping(device));
      const { kernel, rootDisk } = specs.get(id) ?? {};
      assert.deepEqual(
        [
          server.status,
          server.image,
          rootDisk,
          kernel?.kernel.id,
          kernel?.ramdisk?.id,
          server['OS-EXT-SRV-ATTR:kernel_id'],
        ],
        ['ACTIVE', '', null, parts.kernel_id, parts.ramdisk_id, parts.kernel_id],
      );
      const rescue = await nova.ask('member', 'POST', `servers/${id}/action`, {
        body: { rescue: null },
      });
      assert.deepEqual(
        [rescue.status, message(rescue)],
        [400, `Instance ${id} cannot be rescued: Cannot rescue a volume-backed instance`],
      );
      await removed(id);
    }
    glance.images.length = 0;
    assert.match(
      message(await post(mapping({ source_type: 'volume', uuid: origin.id }))),
      /Can not find requested image/,
    );
    const hungry = cinder.addVolume({
      bootable: 'true',
      volume_image_metadata: { min_ram: '1048576' },
    });
    assert.match(
      message(await post(mapping({ source_type: 'volume', uuid: hungry.id }))),
      /memory is too small/,
    );
  });

  it('is called after the bus it is on', async () => {
    const root = cinder.addVolume({ bootable: 'true' });
    const named = async (server: Record<string, Json>): Promise<string> =>
      (await built(server))['OS-EXT-SRV-ATTR:root_device_name'];
    assert.deepEqual(
      [
        await named(mapping({ source_type: 'volume', uuid: root.id, disk_bus: 'scsi' })),
        await named({ imageRef: imageId }),
      ],
      ['/dev/sda', '/dev/vda'],
    );
  });

  it('has more disks beside it, of every kind', async () => {
    const [root, data] = [cinder.addVolume({ bootable: 'true' }), cinder.addVolume()];
    cinder.snapshots.push({
      id: nova.deps.ids.uuid(),
      volume_id: data.id,
      status: 'available',
      size: 1,
    });
    const server = await built({
      imageRef: '',
      block_device_mapping_v2: [
        { source_type: 'blank', destination_type: 'volume', volume_size: 4 },
        { source_type: 'volume', destination_type: 'volume', uuid: root.id, boot_index: 0 },
        {
          source_type: 'snapshot',
          destination_type: 'volume',
          uuid: cinder.snapshots[0]?.id ?? '',
        },
        { source_type: 'volume', destination_type: 'volume', uuid: data.id, tag: 'data' },
      ],
      config_drive: true,
    });
    assert.equal(server.status, 'ACTIVE');
    assert.deepEqual(
      specs.get(server.id)?.volumes.map(({ device }) => device),
      ['vda', 'vdc', 'vdd', 'vde'],
      'around its config drive',
    );
    assert.equal(specs.get(server.id)?.volumes[0]?.volumeId, root.id);
    assert.equal(server['os-extended-volumes:volumes_attached'].length, 4);
    const drive = JSON.parse(
      Buffer.from(
        specs.get(server.id)?.configDrive?.['openstack/latest/meta_data.json'] ?? '',
        'base64',
      ).toString(),
    ) as Loose;
    assert.deepEqual(drive.devices, [
      {
        type: 'disk',
        bus: 'pci',
        address: 'none',
        serial: data.id,
        path: '/dev/vde',
        tags: ['data'],
      },
    ]);
  });

  it('is refused what does not fit, and leaves no volume behind', async () => {
    const bare = cinder.addVolume();
    const none = nova.deps.ids.uuid();
    for (const [what, server] of [
      ['no such volume', mapping({ source_type: 'volume', uuid: none })],
      ['not bootable', mapping({ source_type: 'volume', uuid: bare.id })],
      ['no such snapshot', mapping({ source_type: 'snapshot', uuid: none })],
      ['no such image', mapping({ source_type: 'image', uuid: none, volume_size: 1 })],
      ['no size', mapping({ source_type: 'image', uuid: imageId })],
      [
        'no root',
        {
          imageRef: '',
          block_device_mapping_v2: [
            { source_type: 'volume', destination_type: 'volume', uuid: bare.id },
          ],
        },
      ],
      [
        'two roots',
        {
          imageRef: '',
          block_device_mapping_v2: [0, 0].map(() => ({
            source_type: 'image',
            destination_type: 'volume',
            uuid: imageId,
            volume_size: 1,
            boot_index: 0,
          })),
        },
      ],
      [
        'both forms',
        {
          block_device_mapping: [{ device_name: 'vdb', volume_id: bare.id }],
          block_device_mapping_v2: [
            { source_type: 'volume', destination_type: 'volume', uuid: bare.id },
          ],
        },
      ],
      [
        'one volume for two',
        {
          min_count: 2,
          block_device_mapping_v2: [
            { source_type: 'volume', destination_type: 'volume', uuid: bare.id },
          ],
        },
      ],
    ] as [string, Record<string, Json>][])
      assert.equal((await post(server)).status, 400, what);
    const over = await post({
      imageRef: '',
      block_device_mapping_v2: [
        {
          source_type: 'image',
          destination_type: 'volume',
          uuid: imageId,
          volume_size: 1,
          boot_index: 0,
        },
        { source_type: 'blank', destination_type: 'volume', volume_size: 2000 },
      ],
    });
    assert.deepEqual([over.status, cinder.volumes.length], [403, 1], message(over));
  });

  it('whose volume is not made is in ERROR and says so', async () => {
    cinder.stuck = 'error';
    const server = await built(mapping({ source_type: 'image', uuid: imageId, volume_size: 1 }));
    assert.equal(server.status, 'ERROR');
    assert.match(server.fault.message, /did not finish being created/);
    assert.deepEqual(cinder.attachments, []);
  });

  it('takes its volume along also when that is still being made', async () => {
    cinder.stuck = 'creating';
    const {
      server: { id },
    } = (
      await post(
        mapping({
          source_type: 'image',
          uuid: imageId,
          volume_size: 1,
          delete_on_termination: true,
        }),
      )
    ).body;
    assert.equal((await nova.ask('member', 'DELETE', `servers/${id}`)).status, 204);
    await eventually(
      async () =>
        (
          await nova.deps.database.db
            .selectFrom('servers')
            .select('task_state')
            .where('id', '=', id)
            .executeTakeFirst()
        )?.task_state === 'deleting',
      { withinMs: settleMs, what: 'the deletion to begin' },
    );
    for (const volume of cinder.volumes) volume.status = 'available';
    await eventually(() => cinder.volumes.length === 0, {
      withinMs: settleMs,
      what: 'the volume to be gone',
    });
  });

  it('keeps its volume until its host can say that the guest is gone', async () => {
    const server = await built(
      mapping({ source_type: 'image', uuid: imageId, volume_size: 1, delete_on_termination: true }),
    );
    refuses = { destroyGuest: fault('unavailable', 'away') };
    await removed(server.id);
    await reapVolumes(nova.deps).run(never);
    assert.deepEqual(
      [cinder.volumes.map(({ status }) => status), cinder.attachments.length],
      [['in-use'], 1],
    );
    refuses = {};
    await reapVolumes(nova.deps).run(never);
    assert.deepEqual([cinder.volumes, cinder.attachments], [[], []]);
  });
});
