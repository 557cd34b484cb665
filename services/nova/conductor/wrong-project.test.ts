// Nova reads other services with its own credentials, so it must check owners itself: objects of
// another project that name a server, image or volume of this project must have no effect. Real
// database, bus and sagas; other services are doubles.
import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { HandlersOf } from '#platform/bus/contract.ts';
import type { CinderDouble } from '../cinder.testing.ts';
import { cinderDouble } from '../cinder.testing.ts';
import type { NeutronDouble } from '../neutron.testing.ts';
import { neutronDouble } from '../neutron.testing.ts';
import { message, startConductor } from './conductor.testing.ts';
import { networkEvent } from './network-event.ts';

let neutron: NeutronDouble;
let cinder: CinderDouble;
/** Images of project-b that only Nova's own token can see besides project-b. */
const privateImages = new Set<string>();
const plugged: string[] = [];

const none = async (): Promise<null> => null;
const fixture = await startConductor({
  hosts: ['h1'],
  config: { vifPluggingTimeoutMs: 2_000 },
  agent: {
    buildGuest: none,
    destroyGuest: none,
    attachVolume: none,
    detachVolume: none,
    attachNic: none,
    detachNic: async ({ portId }) => {
      plugged.push(portId);
      return null;
    },
  } satisfies Partial<HandlersOf<ComputeAgentRpc>>,
});
const { nova, image, post, show, buildServer, deleteServer } = fixture;

after(async () => await fixture.close());
beforeEach(() => {
  [neutron, cinder] = [neutronDouble(), cinderDouble()];
  privateImages.clear();
  plugged.length = 0;
  nova.answerCalls((call) => {
    if (call.service === 'network') return neutron.answer(call);
    if (call.service === 'volume') return cinder.answer(call);
    if (call.service !== 'image') return fixture.placement(call);
    const id = call.path.slice(call.path.lastIndexOf('/') + 1);
    return privateImages.has(id) && call.token !== 'nova'
      ? { status: 404 }
      : { status: 200, body: { ...image, id } };
  });
});
afterEach(async () => await fixture.removeAll());

describe('a port of another project that names the server', () => {
  const withStranger = async () => {
    const network = neutron.addNetwork({});
    const server = await buildServer({ networks: [{ uuid: network.id }] });
    const strange = neutron.addPort({
      network_id: network.id,
      tenant_id: 'project-b',
      device_id: server.id,
      device_owner: 'compute:nova',
      security_groups: [neutron.security_groups[1]?.id ?? ''],
    });
    return { server, strange, own: neutron.ports[0]?.id };
  };
  const get = async (path: string, version = 90) =>
    (await nova.ask('admin', 'GET', path, { version })).body;

  it('is not among its interfaces, nor shown by its id', async () => {
    const { server, strange, own } = await withStranger();
    assert.deepEqual(
      (await get(`servers/${server.id}/os-interface`)).interfaceAttachments.map(
        (each: { port_id: string }) => each.port_id,
      ),
      [own],
    );
    assert.equal(
      (await nova.ask('member', 'GET', `servers/${server.id}/os-interface/${strange.id}`)).status,
      404,
    );
    assert.equal(
      (await nova.ask('member', 'DELETE', `servers/${server.id}/os-interface/${strange.id}`))
        .status,
      404,
    );
  });

  it("adds nothing to its security groups and addresses, and no action reaches it, not even an administrator's", async () => {
    const { server, strange } = await withStranger();
    const before = JSON.stringify(strange);
    assert.deepEqual(
      (await get(`servers/${server.id}/os-security-groups`)).security_groups.map(
        (each: { name: string }) => each.name,
      ),
      ['default'],
    );
    const act = async (body: Json): Promise<number> =>
      (await nova.ask('admin', 'POST', `servers/${server.id}/action`, { version: 43, body }))
        .status;
    assert.deepEqual(
      [
        await act({ addSecurityGroup: { name: 'web' } }),
        await act({ removeFixedIp: { address: strange.fixed_ips[0]?.ip_address ?? '' } }),
      ],
      [202, 400],
    );
    assert.equal(JSON.stringify(strange), before);
    assert.equal((await show(server.id)).addresses.private.length, 1);
  });

  it('leads to nothing when Neutron tells of it', async () => {
    const { server, strange } = await withStranger();
    nova.calls.length = 0;
    for (const event of ['network-changed', 'network-vif-deleted'] as const)
      await networkEvent(nova.deps, { serverId: server.id, portId: strange.id, event }, 'req-1');
    assert.deepEqual([nova.calls, plugged], [[], []]);
    await networkEvent(
      nova.deps,
      { serverId: server.id, portId: neutron.ports[0]?.id ?? '', event: 'network-changed' },
      'req-1',
    );
    assert.ok(nova.calls.length > 0, 'one of its own is looked at');
  });

  it('is not deleted with it', async () => {
    const { server, strange } = await withStranger();
    await deleteServer(server.id);
    assert.deepEqual(
      neutron.ports.map(({ id }) => id),
      [strange.id],
    );
  });
});

describe('a volume that was given to another project meanwhile', () => {
  const attach = async (serverId: string, volumeId: string) =>
    await nova.ask('member', 'POST', `servers/${serverId}/os-volume_attachments`, {
      version: 89,
      body: { volumeAttachment: { volumeId } },
    });

  it('is not attached', async () => {
    const [server, volume] = [
      await buildServer({ networks: 'none' }),
      cinder.addVolume({ 'os-vol-tenant-attr:tenant_id': 'project-b' }),
    ];
    const answer = await attach(server.id, volume.id);
    assert.deepEqual(
      [answer.status, message(answer)],
      [400, `Volume ${volume.id} could not be found.`],
    );
    assert.deepEqual([volume.status, cinder.attachments], ['available', []]);
  });

  it('is not deleted with the server that had it', async () => {
    const volume = cinder.addVolume({ bootable: 'true' });
    const disk = {
      boot_index: 0,
      source_type: 'volume',
      destination_type: 'volume',
      uuid: volume.id,
      delete_on_termination: true,
    };
    const server = await buildServer({
      networks: 'none',
      imageRef: '',
      block_device_mapping_v2: [disk],
    });
    assert.equal(server.status, 'ACTIVE');
    volume['os-vol-tenant-attr:tenant_id'] = 'project-b';
    await deleteServer(server.id);
    assert.deepEqual(
      cinder.volumes.map(({ id, status }) => [id, status]),
      [[volume.id, 'available']],
    );
  });

  it('whose attachment names a server that never had it is not told to that server', async () => {
    const [server, volume] = [
      await buildServer({ networks: 'none' }),
      cinder.addVolume({ 'os-vol-tenant-attr:tenant_id': 'project-b', status: 'in-use' }),
    ];
    cinder.attachments.push({
      id: nova.deps.ids.uuid(),
      status: 'attached',
      instance: server.id,
      volume_id: volume.id,
    });
    assert.deepEqual((await show(server.id))['os-extended-volumes:volumes_attached'], []);
    assert.deepEqual(
      (await nova.ask('member', 'GET', `servers/${server.id}/os-volume_attachments`)).body
        .volumeAttachments,
      [],
    );
    assert.equal(
      (
        await nova.ask('admin', 'POST', 'os-assisted-volume-snapshots', {
          body: {
            snapshot: {
              volume_id: volume.id,
              create_info: { snapshot_id: 's', new_file: 'f', type: 'qcow2' },
            },
          },
        })
      ).status,
      404,
    );
    await deleteServer(server.id);
    assert.deepEqual(
      cinder.attachments.map(({ volume_id: id }) => id),
      [volume.id],
      'and is left when the server goes',
    );
  });
});

describe('a private image of another project', () => {
  const name = (): string => {
    const id = nova.deps.ids.uuid();
    privateImages.add(id);
    return id;
  };
  it('is not booted from, be it named as image, kernel or ramdisk, or by the volume', async () => {
    for (const part of ['kernel_id', 'ramdisk_id']) {
      const volume = cinder.addVolume({
        bootable: 'true',
        volume_image_metadata: { [part]: name() },
      });
      const disk = {
        boot_index: 0,
        source_type: 'volume',
        destination_type: 'volume',
        uuid: volume.id,
      };
      const answer = await post({
        networks: 'none',
        imageRef: '',
        block_device_mapping_v2: [disk],
      });
      assert.deepEqual(
        [answer.status, /Can not find requested image/.test(message(answer))],
        [400, true],
        part,
      );
    }
    assert.equal((await post({ networks: 'none', imageRef: name() })).status, 400);
    const server = await buildServer({ networks: 'none' });
    for (const body of [
      { rebuild: { imageRef: name() } },
      { rescue: { rescue_image_ref: name() } },
    ])
      assert.equal(
        (await nova.ask('member', 'POST', `servers/${server.id}/action`, { body })).status,
        400,
      );
  });
});
