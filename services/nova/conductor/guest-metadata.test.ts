// The metadata API, as a guest on the conductor's host reads it.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import { silentLog } from '#platform/log.ts';
import {
  buildServer,
  imageId,
  nova,
  secret,
  useNetworkServers,
  world,
} from './networks.testing.ts';

useNetworkServers();

describe('the metadata API', () => {
  const sign = (id: string): string =>
    createHmac('sha256', secret.reveal()).update(id).digest('hex');
  async function get(
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; text: string }> {
    const dispatcher = createDispatcher(nova.roles.metadata.http, {
      clock: nova.deps.clock,
      ids: nova.deps.ids,
      log: silentLog,
      identityUrl: '',
      tokens: { validate: async () => fault('unauthorized', '') },
    });
    const { status, body } = await dispatcher.handle({
      method: 'GET',
      path: `/metadata${path}`,
      query: '',
      headers,
      body: null,
      origin: 'http://cloud',
    });
    return { status, text: Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body) };
  }

  it('tells a guest who it is, in both formats, and only to a proxy that signs for it', async () => {
    const server = await buildServer({
      networks: [{ uuid: world.neutron.addNetwork({}).id, tag: 'front' }],
      user_data: Buffer.from('#!/bin/sh').toString('base64'),
      hostname: 'web-1',
    });
    const proxy = {
      'x-instance-id': server.id,
      'x-tenant-id': 'project-a',
      'x-instance-id-signature': sign(server.id),
    };
    const text = async (path: string): Promise<string> => (await get(path, proxy)).text;
    assert.match(await text('/'), /^1\.0\n[^]*\nlatest$/);
    assert.deepEqual((await text('/latest/')).split('\n'), ['meta-data/', 'user-data']);
    assert.ok((await text('/latest/meta-data/')).split('\n').includes('placement/'));
    assert.deepEqual(
      [
        await text('/2009-04-04/meta-data/local-ipv4'),
        await text('/latest/meta-data/hostname'),
        await text('/latest/user-data'),
        await text('/openstack/latest/user_data'),
      ],
      [world.neutron.ports[0]?.fixed_ips[0]?.ip_address, 'web-1', '#!/bin/sh', '#!/bin/sh'],
    );
    assert.match(await text('/openstack'), /2012-08-10/);
    const metadata = JSON.parse(await text('/openstack/latest/meta_data.json')) as Loose;
    assert.deepEqual(
      [metadata.uuid, metadata.hostname, metadata.admin_pass, metadata.devices[0].tags],
      [server.id, 'web-1', undefined, ['front']],
    );
    const data = JSON.parse(await text('/openstack/latest/network_data.json')) as Loose;
    assert.deepEqual(
      [data.links[0].ethernet_mac_address, data.networks[0].type, data.services],
      [world.neutron.ports[0]?.mac_address, 'ipv4_dhcp', [{ type: 'dns', address: '9.9.9.9' }]],
    );
    for (const [headers, status] of [
      [{}, 400],
      [{ ...proxy, 'x-instance-id-signature': sign('another') }, 403],
      [{ ...proxy, 'x-instance-id-signature': 'zz' }, 403],
      [{ ...proxy, 'x-tenant-id': 'project-b' }, 404],
    ] as const)
      assert.equal(
        (await get('/latest/meta-data/', headers as Record<string, string>)).status,
        status,
        JSON.stringify(headers),
      );
    assert.equal((await get('/latest/nothing', proxy)).status, 404);
  });

  it('tells where the guest finds the devices that the tenant named, where its host says', async () => {
    const disk = {
      boot_index: 0,
      source_type: 'image',
      destination_type: 'local',
      uuid: imageId,
      tag: 'system',
    };
    const networks = [{ uuid: world.neutron.addNetwork({}).id, tag: 'front' }];
    const metadataDevices = async (): Promise<Loose[]> => {
      const { id } = await buildServer({ networks, block_device_mapping_v2: [disk] });
      const { text } = await get('/openstack/latest/meta_data.json', {
        'x-instance-id': id,
        'x-tenant-id': 'project-a',
        'x-instance-id-signature': sign(id),
      });
      return (JSON.parse(text) as Loose).devices.map(
        ({ tags, bus, address, path = null }: Loose) => [tags[0], bus, address, path],
      );
    };
    assert.deepEqual(await metadataDevices(), [
      ['front', 'pci', '0000:00:03.0', null],
      ['system', 'pci', '0000:00:04.0', '/dev/vda'],
    ]);
    world.isSilent = true;
    assert.deepEqual(await metadataDevices(), [
      ['front', 'pci', 'none', null],
      ['system', 'pci', 'none', '/dev/vda'],
    ]);
    world.isSilent = false;
  });
});
