// Servers with interfaces, from the API through the sagas: ports, addresses, security groups.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Answer, Loose } from '#openstack/http/api.testing.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { nicsOf } from '../store/nics.ts';
import { message, settleMs } from './conductor.testing.ts';
import {
  buildServer,
  never,
  nova,
  plugged,
  post,
  deleteServer,
  untilIdle,
  show,
  useNetworkServers,
  world,
} from './networks.testing.ts';
import { reapPorts } from './tasks/reap-ports.ts';

useNetworkServers();

describe('a server with interfaces', () => {
  it('gets its port, bound to its host, its addresses and its groups, and takes the port with it', async () => {
    const network = world.neutron.addNetwork({});
    const server = await buildServer({
      networks: [{ uuid: network.id }],
      security_groups: [{ name: 'web' }],
    });
    const [port, ...others] = world.neutron.ports;
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
    await deleteServer(server.id);
    assert.deepEqual(world.neutron.ports, []);
    assert.deepEqual(await nicsOf(nova.deps.database.db, server.id), []);
  });

  it('takes a given port and gives it back', async () => {
    const tenantPort = world.neutron.addPort({ network_id: world.neutron.addNetwork({}).id });
    const server = await buildServer({ networks: [{ port: tenantPort.id }] });
    assert.equal(tenantPort.device_id, server.id);
    assert.equal((await post({ networks: [{ port: tenantPort.id }] })).status, 409, 'in use');
    await deleteServer(server.id);
    assert.deepEqual(
      world.neutron.ports.map(({ id, device_id, device_owner, 'binding:host_id': host }) => [
        id,
        device_id,
        device_owner,
        host,
      ]),
      [[tenantPort.id, '', '', '']],
    );
  });

  it('of 2.1 without networks gets the one there is, none where there is none, and is refused where it is not clear', async () => {
    const alone = await post({}, 1);
    assert.deepEqual((await untilIdle(alone.body.server.id)).addresses, {});
    world.neutron.addNetwork({ name: 'one' });
    assert.deepEqual(Object.keys((await untilIdle((await post({}, 1)).body.server.id)).addresses), [
      'one',
    ]);
    world.neutron.addNetwork({ name: 'two', shared: true, tenant_id: 'other' }, '10.1.0.0/24');
    const unclear = await post({}, 1);
    assert.deepEqual(
      [unclear.status, message(unclear)],
      [409, 'Multiple possible networks found, use a Network ID to be more specific.'],
    );
    assert.equal((await post({ networks: 'auto' })).status, 409);
    world.neutron.networks.length = 0;
    assert.equal((await post({ networks: 'auto' })).status, 400);
    world.neutron.autoNetwork = true;
    assert.deepEqual(Object.keys((await buildServer({ networks: 'auto' })).addresses), [
      'auto_allocated_network',
    ]);
  });

  it('is refused what its owner may not have, before anything is made', async () => {
    const [network, outside, empty] = [
      world.neutron.addNetwork({}),
      world.neutron.addNetwork({ 'router:external': true, tenant_id: 'other' }, '10.9.0.0/24'),
      world.neutron.addNetwork({}, ''),
    ];
    const portInUse = world.neutron.addPort({ network_id: network.id });
    const none = nova.deps.ids.uuid();
    for (const [what, server, status, words] of [
      ['no such network', { networks: [{ uuid: none }] }, 400, /Network .* could not be found/],
      ['no such port', { networks: [{ port: none }] }, 400, /Port id .* could not be found/],
      ['an external network', { networks: [{ uuid: outside.id }] }, 403, /external network/],
      ['no subnet', { networks: [{ uuid: empty.id }] }, 400, /requires a subnet/],
      [
        'a taken address',
        { networks: [{ uuid: network.id, fixed_ip: portInUse.fixed_ips[0]?.ip_address ?? '' }] },
        400,
        /already in use/,
      ],
      [
        'no such group',
        { networks: [{ uuid: network.id }], security_groups: [{ name: 'nope' }] },
        400,
        /Security group nope not found/,
      ],
      ['one port for two', { networks: [{ port: portInUse.id }], min_count: 2 }, 400, /multiple/],
    ] as const) {
      const answer = await post(server as unknown as Record<string, Json>);
      assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`);
      assert.match(message(answer), words, what);
    }
    world.neutron.portLimit = 1;
    assert.equal(
      (await post({ networks: [{ uuid: network.id }] })).status,
      403,
      "over the ports' quota",
    );
    world.neutron.away = true;
    assert.equal((await post({ networks: [{ uuid: network.id }] })).status, 503);
    assert.equal(world.neutron.ports.length, 1);
  });

  it('is built on another host where a port cannot be bound, and leaves no port on the first', async () => {
    const network = world.neutron.addNetwork({});
    world.neutron.badHosts.add('h1');
    for (const _ of [1, 2, 3]) {
      const server = await buildServer({ networks: [{ uuid: network.id }] });
      assert.deepEqual([server.status, server['OS-EXT-SRV-ATTR:host']], ['ACTIVE', 'h2']);
    }
    assert.deepEqual(
      world.neutron.ports.map((port) => port['binding:host_id']),
      ['h2', 'h2', 'h2'],
    );
  });

  it('whose interface is never plugged is in ERROR and says so, and leaves no port', async () => {
    world.neutron.plugs = false;
    const server = await buildServer({ networks: [{ uuid: world.neutron.addNetwork({}).id }] });
    assert.equal(server.status, 'ERROR');
    assert.match(server.fault.message, /Virtual Interface creation failed/);
    assert.deepEqual(world.neutron.ports, []);
    await deleteServer(server.id);
  });

  it('becomes ACTIVE as soon as Neutron says that its interface is plugged', async () => {
    world.neutron.plugs = false;
    const answer = await post({ networks: [{ uuid: world.neutron.addNetwork({}).id }] });
    const { id } = answer.body.server;
    await eventually(() => world.neutron.ports.length === 1, {
      withinMs: settleMs,
      what: 'the port is made',
    });
    const [port] = world.neutron.ports;
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
    assert.equal((await untilIdle(id)).status, 'ACTIVE');
    const both = await nova.ask('admin', 'POST', 'os-server-external-events', {
      body: { events: [event, { ...event, server_uuid: nova.deps.ids.uuid() }] },
    });
    assert.deepEqual(
      [both.status, both.body.events.map(({ code }: Loose) => code)],
      [207, [200, 404]],
    );
  });

  it('that still waits for its interface is deleted at once', async () => {
    world.neutron.plugs = false;
    const { id } = (await post({ networks: [{ uuid: world.neutron.addNetwork({}).id }] })).body
      .server;
    await eventually(() => plugged.has(id), { withinMs: settleMs, what: 'the guest runs' });
    await deleteServer(id);
    assert.deepEqual(world.neutron.ports, []);
  });

  it('that is deleted while Neutron is away is gone at once, and its port later', async () => {
    const network = world.neutron.addNetwork({});
    const server = await buildServer({ networks: [{ uuid: network.id }] });
    world.neutron.away = true;
    await deleteServer(server.id);
    world.neutron.away = false;
    assert.equal(world.neutron.ports.length, 1);
    await reapPorts(nova.deps).run(never);
    assert.deepEqual(
      [world.neutron.ports, await nicsOf(nova.deps.database.db, server.id)],
      [[], []],
    );
  });

  it('whose port Neutron keeps does not keep the ports of others', async () => {
    const network = world.neutron.addNetwork({});
    const [keptServer, deletedServer] = [
      await buildServer({ networks: [{ uuid: network.id }] }),
      await buildServer({ networks: [{ uuid: network.id }] }),
    ];
    world.neutron.away = true;
    for (const { id } of [keptServer, deletedServer]) await deleteServer(id);
    world.neutron.away = false;
    const { answer } = world.neutron;
    const port = world.neutron.ports.find(({ device_id }) => device_id === keptServer.id);
    world.neutron.answer = (call) =>
      call.method === 'DELETE' && call.path.endsWith(`/${port?.id}`)
        ? { status: 409, body: { NeutronError: { type: 'Kept', message: 'kept', detail: '' } } }
        : answer(call);
    await reapPorts(nova.deps).run(never);
    world.neutron.answer = answer;
    assert.deepEqual(world.neutron.ports, [port]);
    await reapPorts(nova.deps).run(never);
    assert.deepEqual(world.neutron.ports, []);
  });

  it('never takes up or deletes a port of another project that names it', async () => {
    const network = world.neutron.addNetwork({ shared: true });
    const server = await buildServer({ networks: [{ uuid: network.id }] });
    const bait = world.neutron.addPort({
      network_id: network.id,
      device_id: server.id,
      device_owner: 'compute:nova',
      tenant_id: 'project-b',
    });
    await deleteServer(server.id);
    assert.deepEqual(world.neutron.ports, [bait]);
  });
});

describe('interfaces of a built server', () => {
  it('are attached by network, by port and with an address, and detached again', async () => {
    const network = world.neutron.addNetwork({});
    const server = await buildServer({ networks: 'none' });
    const path = `servers/${server.id}/os-interface`;
    const attach = async (interfaceAttachment: Json): Promise<Answer> =>
      await nova.ask('member', 'POST', path, { version: 70, body: { interfaceAttachment } });
    const attachment = await attach({
      net_id: network.id,
      tag: 'front',
      fixed_ips: [{ ip_address: '10.0.0.77' }],
    });
    assert.equal(attachment.status, 200, JSON.stringify(attachment.body));
    assert.deepEqual(
      [
        attachment.body.interfaceAttachment.tag,
        attachment.body.interfaceAttachment.fixed_ips[0].ip_address,
        attachment.body.interfaceAttachment.port_state,
      ],
      ['front', '10.0.0.77', 'ACTIVE'],
    );
    const tenantPort = world.neutron.addPort({ network_id: network.id });
    assert.equal(
      (await attach({ port_id: tenantPort.id })).body.interfaceAttachment.port_id,
      tenantPort.id,
    );
    assert.deepEqual(
      plugged.get(server.id)?.map(({ portId }) => portId),
      [attachment.body.interfaceAttachment.port_id, tenantPort.id],
    );
    assert.deepEqual(
      (await show(server.id)).addresses.private.map(({ addr }: Loose) => addr),
      ['10.0.0.77', tenantPort.fixed_ips[0]?.ip_address],
    );
    const listed = await nova.ask('member', 'GET', path, { version: 70 });
    assert.deepEqual(
      listed.body.interfaceAttachments.map(({ tag }: Loose) => tag),
      ['front', null],
    );

    for (const id of [attachment.body.interfaceAttachment.port_id, tenantPort.id])
      assert.equal((await nova.ask('member', 'DELETE', `${path}/${id}`)).status, 202);
    assert.deepEqual((await untilIdle(server.id)).addresses, {});
    assert.deepEqual(
      [world.neutron.ports.map(({ id, device_id }) => [id, device_id]), plugged.get(server.id)],
      [[[tenantPort.id, '']], []],
    );
    assert.equal((await nova.ask('member', 'DELETE', `${path}/${tenantPort.id}`)).status, 404);
  });

  it('that cannot be plugged leave no port', async () => {
    const network = world.neutron.addNetwork({});
    const server = await buildServer({ networks: 'none' });
    plugged.delete(server.id); // as if the host had lost the guest's interfaces
    const answer = await nova.ask('member', 'POST', `servers/${server.id}/os-interface`, {
      body: { interfaceAttachment: { net_id: network.id } },
    });
    assert.deepEqual([answer.status, world.neutron.ports], [400, []]);
    assert.deepEqual(await nicsOf(nova.deps.database.db, server.id), []);
  });

  it('take security groups and floating addresses', async () => {
    const server = await buildServer({ networks: [{ uuid: world.neutron.addNetwork({}).id }] });
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
    world.neutron.floatingips.push({
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
