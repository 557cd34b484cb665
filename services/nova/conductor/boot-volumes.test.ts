// Servers that boot from volumes, from the API through the sagas.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { message, settleMs } from './conductor.testing.ts';
import { reapVolumes } from './tasks/reap-volumes.ts';
import {
  bootFrom,
  buildServer,
  glance,
  imageId,
  never,
  nova,
  post,
  deleteServer,
  specs,
  useVolumeServers,
  world,
} from './volumes.testing.ts';

useVolumeServers();

describe('a server that boots from a volume', () => {
  it('made from an image gets it as its first disk, and takes it along when it goes if asked to', async () => {
    for (const goes of [true, false]) {
      const server = await buildServer({
        ...bootFrom({
          source_type: 'image',
          uuid: imageId,
          volume_size: 2,
          delete_on_termination: goes,
        }),
      });
      assert.equal(server.status, 'ACTIVE', JSON.stringify(server.fault));
      assert.deepEqual(
        [server.image, world.cinder.volumes.map(({ size, status }) => [size, status])],
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
            `servers/${server.id}/os-volume_attachments/${world.cinder.volumes[0]?.id}`,
          )
        ).status,
        403,
      );
      await deleteServer(server.id);
      assert.deepEqual(
        world.cinder.volumes.map(({ status }) => status),
        goes ? [] : ['available'],
      );
      world.cinder.volumes.length = 0;
    }
  });

  it('takes it along also where a snapshot of it comes or goes just then, and leaves it where a snapshot stays', async () => {
    for (const status of ['creating', 'deleting', 'available']) {
      const server = await buildServer({
        ...bootFrom({
          source_type: 'image',
          uuid: imageId,
          volume_size: 2,
          delete_on_termination: true,
        }),
      });
      const snapshot = {
        id: nova.deps.ids.uuid(),
        volume_id: world.cinder.volumes[0]?.id ?? '',
        status,
        size: 2,
      };
      world.cinder.snapshots.push(snapshot);
      const passes = status !== 'available';
      if (passes) setTimeout(() => world.cinder.snapshots.splice(0), 300);
      await deleteServer(server.id);
      assert.equal(world.cinder.volumes.length, passes ? 0 : 1, status);
      world.cinder.snapshots.length = 0;
      world.cinder.volumes.length = 0;
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
    const origin = world.cinder.addVolume({
      bootable: 'true',
      volume_image_metadata: {
        image_id: imageId,
        image_name: 'tiny',
        min_ram: '64',
        hw_vif_model: 'e1000',
        ...parts,
      },
    });
    world.cinder.snapshots.push({
      id: nova.deps.ids.uuid(),
      volume_id: origin.id,
      status: 'available',
      size: 1,
    });
    for (const device of [
      { source_type: 'snapshot', uuid: world.cinder.snapshots[0]?.id ?? '' },
      { source_type: 'volume', uuid: origin.id },
    ]) {
      const { id, ...server } = await buildServer(bootFrom(device));
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
      await deleteServer(id);
    }
    glance.images.length = 0;
    assert.match(
      message(await post(bootFrom({ source_type: 'volume', uuid: origin.id }))),
      /Can not find requested image/,
    );
    const hungry = world.cinder.addVolume({
      bootable: 'true',
      volume_image_metadata: { min_ram: '1048576' },
    });
    assert.match(
      message(await post(bootFrom({ source_type: 'volume', uuid: hungry.id }))),
      /memory is too small/,
    );
  });

  it('is called after the bus it is on', async () => {
    const root = world.cinder.addVolume({ bootable: 'true' });
    const named = async (server: Record<string, Json>): Promise<string> =>
      (await buildServer(server))['OS-EXT-SRV-ATTR:root_device_name'];
    assert.deepEqual(
      [
        await named(bootFrom({ source_type: 'volume', uuid: root.id, disk_bus: 'scsi' })),
        await named({ imageRef: imageId }),
      ],
      ['/dev/sda', '/dev/vda'],
    );
  });

  it('has more disks beside it, of every kind', async () => {
    const [root, data] = [world.cinder.addVolume({ bootable: 'true' }), world.cinder.addVolume()];
    world.cinder.snapshots.push({
      id: nova.deps.ids.uuid(),
      volume_id: data.id,
      status: 'available',
      size: 1,
    });
    const server = await buildServer({
      imageRef: '',
      block_device_mapping_v2: [
        { source_type: 'blank', destination_type: 'volume', volume_size: 4 },
        { source_type: 'volume', destination_type: 'volume', uuid: root.id, boot_index: 0 },
        {
          source_type: 'snapshot',
          destination_type: 'volume',
          uuid: world.cinder.snapshots[0]?.id ?? '',
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
    const bare = world.cinder.addVolume();
    const none = nova.deps.ids.uuid();
    for (const [what, server] of [
      ['no such volume', bootFrom({ source_type: 'volume', uuid: none })],
      ['not bootable', bootFrom({ source_type: 'volume', uuid: bare.id })],
      ['no such snapshot', bootFrom({ source_type: 'snapshot', uuid: none })],
      ['no such image', bootFrom({ source_type: 'image', uuid: none, volume_size: 1 })],
      ['no size', bootFrom({ source_type: 'image', uuid: imageId })],
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
    const over = await post(
      bootFrom(
        { source_type: 'image', uuid: imageId, volume_size: 1 },
        { source_type: 'blank', volume_size: 2000 },
      ),
    );
    assert.deepEqual([over.status, world.cinder.volumes.length], [403, 1], message(over));
  });

  it('whose volume is not made is in ERROR and says so', async () => {
    world.cinder.stuck = 'error';
    const server = await buildServer(
      bootFrom({ source_type: 'image', uuid: imageId, volume_size: 1 }),
    );
    assert.equal(server.status, 'ERROR');
    assert.match(server.fault.message, /did not finish being created/);
    assert.deepEqual(world.cinder.attachments, []);
  });

  it('takes its volume along also when that came to rest right after it was refused', async () => {
    const server = await buildServer(
      bootFrom({
        source_type: 'image',
        uuid: imageId,
        volume_size: 2,
        delete_on_termination: true,
      }),
    );
    const { answer } = world.cinder;
    let refusals = 0;
    world.cinder.answer = (call) => {
      if (call.method !== 'DELETE' || !call.path.startsWith('/v3/volumes/') || refusals > 0)
        return answer(call);
      refusals += 1;
      return { status: 400, body: { badRequest: { code: 400, message: 'it is downloading' } } };
    };
    await deleteServer(server.id);
    assert.deepEqual([refusals, world.cinder.volumes], [1, []]);
    world.cinder.answer = answer;
  });

  it('takes its volume along also when that is still being made', async () => {
    world.cinder.stuck = 'creating';
    const {
      server: { id },
    } = (
      await post(
        bootFrom({
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
    for (const volume of world.cinder.volumes) volume.status = 'available';
    await eventually(() => world.cinder.volumes.length === 0, {
      withinMs: settleMs,
      what: 'the volume to be gone',
    });
  });

  it('keeps its volume until its host can say that the guest is gone', async () => {
    const server = await buildServer(
      bootFrom({
        source_type: 'image',
        uuid: imageId,
        volume_size: 1,
        delete_on_termination: true,
      }),
    );
    world.refuses = { destroyGuest: fault('unavailable', 'away') };
    await deleteServer(server.id);
    await reapVolumes(nova.deps).run(never);
    assert.deepEqual(
      [world.cinder.volumes.map(({ status }) => status), world.cinder.attachments.length],
      [['in-use'], 1],
    );
    world.refuses = {};
    await reapVolumes(nova.deps).run(never);
    assert.deepEqual([world.cinder.volumes, world.cinder.attachments], [[], []]);
  });
});
