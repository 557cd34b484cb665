// Servers with interfaces, from the API through the sagas: ports are made, bound, waited for, given
// back. Real database, bus and saga runner; Placement, Glance and Neutron are doubles at the HTTP
// boundary, the host is one at the bus.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { ComputeAgentRpc } from '#contracts/nova/compute-agent-rpc.ts';
import type { GuestNic, GuestSpec } from '#contracts/nova/guest.ts';
import { createDispatcher } from '#openstack/http/dispatcher.ts';
import type { HandlersOf } from '#platform/bus/contract.ts';
import { Secret, silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Answer, Loose } from '../api/nova-api.testing.ts';
import type { NeutronDouble } from '../neutron.testing.ts';
import { neutronDouble } from '../neutron.testing.ts';
import { nicsOf } from '../store/nics.ts';
import { message, settleMs, startConductor } from './conductor.testing.ts';
import { reapPorts } from './tasks/reap-ports.ts';

const secret = new Secret('between us');
const never = new AbortController().signal;

let neutron: NeutronDouble;
/** Interfaces on the host by guest, as the agent was told. */
const plugged = new Map<string, GuestNic[]>();
const specs = new Map<string, GuestSpec>();
let isSilent = false;

const fixture = await startConductor({
  hosts: ['h1', 'h2'],
  config: { vifPluggingTimeoutMs: 2_000, metadataSecret: secret },
  agent: {
    buildGuest: async ({ spec }) => {
      specs.set(spec.uuid, spec);
      plugged.set(spec.uuid, [...spec.nics]);
      return null;
    },
    destroyGuest: async ({ uuid }) => {
      plugged.delete(uuid);
      return null;
    },
    attachNic: async ({ uuid, nic }) => {
      const now = plugged.get(uuid);
      if (!now) return fault('notFound', 'no guest');
      plugged.set(uuid, [...now.filter(({ portId }) => portId !== nic.portId), nic]);
      return null;
    },
    detachNic: async ({ uuid, portId }) => {
      plugged.set(
        uuid,
        (plugged.get(uuid) ?? []).filter((nic) => nic.portId !== portId),
      );
      return null;
    },
    pciAddresses: async ({ uuid }) =>
      isSilent
        ? fault('unavailable', 'no answer')
        : {
            addresses: Object.fromEntries([
              ...(plugged.get(uuid) ?? []).map(({ portId }) => [portId, '0000:00:03.0']),
              ['vda', '0000:00:04.0'],
            ]),
          },
  } satisfies Partial<HandlersOf<ComputeAgentRpc>>,
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
  neutron = neutronDouble();
  nova.answerCalls((call) => {
    if (call.service === 'network') return neutron.answer(call);
    return call.service === 'image'
      ? { status: 200, body: fixture.image }
      : fixture.placement(call);
  });
});
afterEach(async () => {
  neutron.away = false;
  await fixture.removeAll();
});

describe('a server with interfaces', () => {
  it('gets its port, bound to its host, its addresses and its groups, and takes the port with it', async () => {
    const network = neutron.addNetwork({});
    const server = await built({
      networks: [{ uuid: network.id }],
      security_groups: [{ name: 'web' }],
    });
    const [port, ...others] = neutron.ports;
    assert.ok(port && others.length === 0);
    assert.deepEqual(
      [port.device_id, port.device_owner, port['binding:host_id'], port.tenant_id],
      [server.id, 'compute:nova', server['OS-EXT-SRV-ATTR:host'], 'project-a'],
    );
    assert.equal(server.status, 'ACTIVE');
    assert.deepEqual(server.addresses, {
      private: [
        {
          version: 4,
          addr: port.fixed_ips[0]?.ip_address,
          'OS-EXT-IPS:type': 'fixed',
          'OS-EXT-IPS-MAC:mac_addr': port.mac_address,
        },
      ],
    });
    assert.deepEqual(server.security_groups, [{ name: 'web' }]);
    assert.deepEqual(plugged.get(server.id), [
      { portId: port.id, mac: port.mac_address, mtu: 1442, bridge: 'br-int', model: 'virtio' },
    ]);
    const ips = await nova.ask('member', 'GET', `servers/${server.id}/ips/private`);
    assert.deepEqual(ips.body, { private: [{ version: 4, addr: port.fixed_ips[0]?.ip_address }] });
    const listed = async (query: string): Promise<number> =>
      (await nova.ask('member', 'GET', `servers?${query}`, { version: 90 })).body.servers.length;
    assert.deepEqual(
      [
        await listed(`ip=${port.fixed_ips[0]?.ip_address}`),
        await listed('ip=10.0.0'),
        await listed('ip=0.0'),
        await listed('ip6=10'),
      ],
      [1, 1, 0, 0],
    );
    await removed(server.id);
    assert.deepEqual(neutron.ports, []);
    assert.deepEqual(await nicsOf(nova.deps.database.db, server.id), []);
  });

  it('takes a given port and gives it back', async () => {
    const given = neutron.addPort({ network_id: neutron.addNetwork({}).id });
    const server = await built({ networks: [{ port: given.id }] });
    assert.equal(given.device_id, server.id);
    assert.equal((await post({ networks: [{ port: given.id }] })).status, 409, 'in use');
    await removed(server.id);
    assert.deepEqual(
      neutron.ports.map(({ id, device_id, device_owner, 'binding:host_id': host }) => [
        id,
        device_id,
        device_owner,
        host,
      ]),
      [[given.id, '', '', '']],
    );
  });

  it('of 2.1 without networks gets the one there is, none where there is none, and is refused where it is not clear', async () => {
    const alone = await post({}, 1);
    assert.deepEqual((await rested(alone.body.server.id)).addresses, {});
    neutron.addNetwork({ name: 'one' });
    assert.deepEqual(Object.keys((await rested((await post({}, 1)).body.server.id)).addresses), [
      'one',
    ]);
    neutron.addNetwork({ name: 'two', shared: true, tenant_id: 'other' }, '10.1.0.0/24');
    const unclear = await post({}, 1);
    assert.deepEqual(
      [unclear.status, message(unclear)],
      [409, 'Multiple possible networks found, use a Network ID to be more specific.'],
    );
    assert.equal((await post({ networks: 'auto' })).status, 409);
    neutron.networks.length = 0;
    assert.equal((await post({ networks: 'auto' })).status, 400);
    neutron.autoNetwork = true;
    assert.deepEqual(Object.keys((await built({ networks: 'auto' })).addresses), [
      'auto_allocated_network',
    ]);
  });

  it('is refused what its owner may not have, before anything is made', async () => {
    const [network, outside, empty] = [
      neutron.addNetwork({}),
      neutron.addNetwork({ 'router:external': true, tenant_id: 'other' }, '10.9.0.0/24'),
      neutron.addNetwork({}, ''),
    ];
    const taken = neutron.addPort({ network_id: network.id });
    const none = nova.deps.ids.uuid();
    for (const [what, server, status, words] of [
      ['no such network', { networks: [{ uuid: none }] }, 400, /Network .* could not be found/],
      ['no such port', { networks: [{ port: none }] }, 400, /Port id .* could not be found/],
      ['an external network', { networks: [{ uuid: outside.id }] }, 403, /external network/],
      ['no subnet', { networks: [{ uuid: empty.id }] }, 400, /requires a subnet/],
      [
        'a taken address',
        { networks: [{ uuid: network.id, fixed_ip: taken.fixed_ips[0]?.ip_address ?? '' }] },
        400,
        /already in use/,
      ],
      [
        'no such group',
        { networks: [{ uuid: network.id }], security_groups: [{ name: 'nope' }] },
        400,
        /Security group nope not found/,
      ],
      ['one port for two', { networks: [{ port: taken.id }], min_count: 2 }, 400, /multiple/],
    ] as const) {
      const answer = await post(server as unknown as Record<string, Json>);
      assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
      assert.match(message(answer), words, what);
    }
    neutron.portLimit = 1;
    assert.equal(
      (await post({ networks: [{ uuid: network.id }] })).status,
      403,
      "over the ports' quota",
    );
    neutron.away = true;
    assert.equal((await post({ networks: [{ uuid: network.id }] })).status, 503);
    assert.equal(neutron.ports.length, 1);
  });

  it('is built on another host where a port cannot be bound, and leaves no port on the first', async () => {
    const network = neutron.addNetwork({});
    neutron.badHosts.add('h1');
    for (const _ of [1, 2, 3]) {
      const server = await built({ networks: [{ uuid: network.id }] });
      assert.deepEqual([server.status, server['OS-EXT-SRV-ATTR:host']], ['ACTIVE', 'h2']);
    }
    assert.deepEqual(
      neutron.ports.map((port) => port['binding:host_id']),
      ['h2', 'h2', 'h2'],
    );
  });

  it('whose interface is never plugged is in ERROR and says so, and leaves no port', async () => {
    neutron.plugs = false;
    const server = await built({ networks: [{ uuid: neutron.addNetwork({}).id }] });
    assert.equal(server.status, 'ERROR');
    assert.match(server.fault.message, /Virtual Interface creation failed/);
    assert.deepEqual(neutron.ports, []);
    await removed(server.id);
  });

  it('becomes ACTIVE as soon as Neutron says that its interface is plugged', async () => {
    neutron.plugs = false;
    const answer = await post({ networks: [{ uuid: neutron.addNetwork({}).id }] });
    const { id } = answer.body.server;
    await eventually(() => neutron.ports.length === 1, {
      withinMs: settleMs,
      what: 'the port is made',
    });
    const [port] = neutron.ports;
    assert.ok(port);
    port.status = 'ACTIVE';
    const event = { name: 'network-vif-plugged', server_uuid: id, tag: port.id };
    assert.equal(
      (await nova.ask('member', 'POST', 'os-server-external-events', { body: { events: [event] } }))
        .status,
      403,
    );
    assert.equal(
      (await nova.ask('admin', 'POST', 'os-server-external-events', { body: { events: [event] } }))
        .status,
      200,
    );
    assert.equal((await rested(id)).status, 'ACTIVE');
    const both = await nova.ask('admin', 'POST', 'os-server-external-events', {
      body: { events: [event, { ...event, server_uuid: nova.deps.ids.uuid() }] },
    });
    assert.deepEqual(
      [both.status, both.body.events.map(({ code }: Loose) => code)],
      [207, [200, 404]],
    );
  });

  it('that still waits for its interface is deleted at once', async () => {
    neutron.plugs = false;
    const { id } = (await post({ networks: [{ uuid: neutron.addNetwork({}).id }] })).body.server;
    await eventually(() => plugged.has(id), { withinMs: settleMs, what: 'the guest runs' });
    await removed(id);
    assert.deepEqual(neutron.ports, []);
  });

  it('that is deleted while Neutron is away is gone at once, and its port later', async () => {
    const network = neutron.addNetwork({});
    const server = await built({ networks: [{ uuid: network.id }] });
    neutron.away = true;
    await removed(server.id);
    neutron.away = false;
    assert.equal(neutron.ports.length, 1);
    await reapPorts(nova.deps).run(never);
    assert.deepEqual([neutron.ports, await nicsOf(nova.deps.database.db, server.id)], [[], []]);
  });

  it('never takes up or deletes a port of another project that names it', async () => {
    const network = neutron.addNetwork({ shared: true });
    const server = await built({ networks: [{ uuid: network.id }] });
    const bait = neutron.addPort({
      network_id: network.id,
      device_id: server.id,
      device_owner: 'compute:nova',
      tenant_id: 'project-b',
    });
    await removed(server.id);
    assert.deepEqual(neutron.ports, [bait]);
  });
});

describe('interfaces of a built server', () => {
  it('are attached by network, by port and with an address, and detached again', async () => {
    const network = neutron.addNetwork({});
    const server = await built({ networks: 'none' });
    const path = `servers/${server.id}/os-interface`;
    const attach = async (interfaceAttachment: Json): Promise<Answer> =>
      await nova.ask('member', 'POST', path, { version: 70, body: { interfaceAttachment } });
    const made = await attach({
      net_id: network.id,
      tag: 'front',
      fixed_ips: [{ ip_address: '10.0.0.77' }],
    });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.deepEqual(
      [
        made.body.interfaceAttachment.tag,
        made.body.interfaceAttachment.fixed_ips[0].ip_address,
        made.body.interfaceAttachment.port_state,
      ],
      ['front', '10.0.0.77', 'ACTIVE'],
    );
    const given = neutron.addPort({ network_id: network.id });
    assert.equal((await attach({ port_id: given.id })).body.interfaceAttachment.port_id, given.id);
    assert.deepEqual(
      plugged.get(server.id)?.map(({ portId }) => portId),
      [made.body.interfaceAttachment.port_id, given.id],
    );
    assert.deepEqual(
      (await show(server.id)).addresses.private.map(({ addr }: Loose) => addr),
      ['10.0.0.77', given.fixed_ips[0]?.ip_address],
    );
    const listed = await nova.ask('member', 'GET', path, { version: 70 });
    assert.deepEqual(
      listed.body.interfaceAttachments.map(({ tag }: Loose) => tag),
      ['front', null],
    );

    for (const id of [made.body.interfaceAttachment.port_id, given.id])
      assert.equal((await nova.ask('member', 'DELETE', `${path}/${id}`)).status, 202);
    assert.deepEqual((await rested(server.id)).addresses, {});
    assert.deepEqual(
      [neutron.ports.map(({ id, device_id }) => [id, device_id]), plugged.get(server.id)],
      [[[given.id, '']], []],
    );
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${given.id}`)).status, 404);
  });

  it('that cannot be plugged leave no port', async () => {
    const network = neutron.addNetwork({});
    const server = await built({ networks: 'none' });
    plugged.delete(server.id); // the host lost its guest
    const answer = await nova.ask('member', 'POST', `servers/${server.id}/os-interface`, {
      body: { interfaceAttachment: { net_id: network.id } },
    });
    assert.deepEqual([answer.status, neutron.ports], [400, []]);
    assert.deepEqual(await nicsOf(nova.deps.database.db, server.id), []);
  });

  it('take security groups and floating addresses', async () => {
    const server = await built({ networks: [{ uuid: neutron.addNetwork({}).id }] });
    const act = async (body: Json): Promise<number> =>
      (await nova.ask('member', 'POST', `servers/${server.id}/action`, { version: 43, body }))
        .status;
    assert.deepEqual(
      [
        await act({ addSecurityGroup: { name: 'web' } }),
        await act({ addSecurityGroup: { name: 'nope' } }),
      ],
      [202, 404],
    );
    assert.deepEqual((await show(server.id)).security_groups, [
      { name: 'default' },
      { name: 'web' },
    ]);
    assert.deepEqual(
      [
        await act({ removeSecurityGroup: { name: 'default' } }),
        await act({ removeSecurityGroup: { name: 'default' } }),
      ],
      [202, 404],
    );
    const groups = await nova.ask('member', 'GET', `servers/${server.id}/os-security-groups`);
    assert.deepEqual(
      groups.body.security_groups.map(({ name }: Loose) => name),
      ['web'],
    );
    neutron.floatingips.push({
      id: nova.deps.ids.uuid(),
      floating_network_id: 'public',
      floating_ip_address: '10.99.0.5',
      fixed_ip_address: null,
      port_id: null,
    });
    assert.deepEqual(
      [
        await act({ addFloatingIp: { address: '10.99.0.5' } }),
        await act({ addFloatingIp: { address: '0.0.0.0' } }),
      ],
      [202, 404],
    );
    assert.deepEqual(
      (await show(server.id)).addresses.private.map((each: Loose) => [
        each.addr,
        each['OS-EXT-IPS:type'],
      ])[1],
      ['10.99.0.5', 'floating'],
    );
    assert.deepEqual(
      [
        await act({ removeFloatingIp: { address: '10.99.0.5' } }),
        await act({ removeFloatingIp: { address: '10.99.0.5' } }),
      ],
      [202, 409],
    );
  });
});

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
    const server = await built({
      networks: [{ uuid: neutron.addNetwork({}).id, tag: 'front' }],
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
      [neutron.ports[0]?.fixed_ips[0]?.ip_address, 'web-1', '#!/bin/sh', '#!/bin/sh'],
    );
    assert.match(await text('/openstack'), /2012-08-10/);
    const told = JSON.parse(await text('/openstack/latest/meta_data.json')) as Loose;
    assert.deepEqual(
      [told.uuid, told.hostname, told.admin_pass, told.devices[0].tags],
      [server.id, 'web-1', undefined, ['front']],
    );
    const data = JSON.parse(await text('/openstack/latest/network_data.json')) as Loose;
    assert.deepEqual(
      [data.links[0].ethernet_mac_address, data.networks[0].type, data.services],
      [neutron.ports[0]?.mac_address, 'ipv4_dhcp', [{ type: 'dns', address: '9.9.9.9' }]],
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
    const networks = [{ uuid: neutron.addNetwork({}).id, tag: 'front' }];
    const told = async (): Promise<Loose[]> => {
      const { id } = await built({ networks, block_device_mapping_v2: [disk] });
      const { text } = await get('/openstack/latest/meta_data.json', {
        'x-instance-id': id,
        'x-tenant-id': 'project-a',
        'x-instance-id-signature': sign(id),
      });
      return (JSON.parse(text) as Loose).devices.map(
        ({ tags, bus, address, path = null }: Loose) => [tags[0], bus, address, path],
      );
    };
    assert.deepEqual(await told(), [
      ['front', 'pci', '0000:00:03.0', null],
      ['system', 'pci', '0000:00:04.0', '/dev/vda'],
    ]);
    isSilent = true;
    assert.deepEqual(await told(), [
      ['front', 'pci', 'none', null],
      ['system', 'pci', 'none', '/dev/vda'],
    ]);
    isSilent = false;
  });
});
