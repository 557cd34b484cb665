import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';

const neutron = await startNeutron({
  config: {
    quotas: {
      network: -1,
      subnet: -1,
      port: -1,
      router: -1,
      floatingip: -1,
      security_group: -1,
      security_group_rule: -1,
      subnetpool: -1,
    },
  },
});
const { ask, sure } = neutron;
let external: Loose;
let outer: Loose;
let count = 0;
before(async () => {
  external = await sure('admin', 'POST', 'networks', { network: { 'router:external': true } });
  outer = await sure('admin', 'POST', 'subnets', {
    subnet: { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  });
});
after(async () => await neutron.close());

/**
 * Creates a router with a gateway on the external network and an interface on a subnet of its own.
 */
async function routed(): Promise<{ router: Loose; network: Loose; subnet: Loose }> {
  count += 1;
  const network = await sure('member', 'POST', 'networks', { network: {} });
  const subnet = await sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: `10.${count}.0.0/24` },
  });
  const router = await sure('member', 'POST', 'routers', {
    router: { external_gateway_info: { network_id: external.id } },
  });
  await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
    subnet_id: subnet.id,
  });
  return { router, network, subnet };
}
const typeOf = ({ status, body }: { status: number; body: Loose }): [number, string] => [
  status,
  body?.NeutronError?.type,
];

describe('a router', () => {
  it('begins without gateway and routes', async () => {
    const {
      id: _id,
      created_at: _created,
      updated_at: _updated,
      ...shown
    } = await sure('member', 'POST', 'routers', { router: { name: 'r' } });
    assert.deepEqual(shown, {
      tenant_id: 'project-a',
      project_id: 'project-a',
      description: '',
      tags: [],
      revision_number: 0,
      name: 'r',
      admin_state_up: true,
      status: 'ACTIVE',
      routes: [],
      availability_zone_hints: [],
      availability_zones: [],
      external_gateway_info: null,
    });
  });
  it('gets a gateway with an address, SNAT on, and a port that only operators see', async () => {
    const router = await sure('member', 'POST', 'routers', {
      router: { external_gateway_info: { network_id: external.id } },
    });
    const {
      network_id,
      enable_snat,
      external_fixed_ips: [address],
    } = router.external_gateway_info;
    assert.deepEqual([network_id, enable_snat, address.subnet_id], [external.id, true, outer.id]);
    const [port] = await sure(
      'admin',
      'GET',
      `ports?device_id=${router.id}&device_owner=network:router_gateway`,
    );
    assert.deepEqual([port.project_id, port.fixed_ips, port.security_groups], ['', [address], []]);
    assert.deepEqual(await sure('member', 'GET', `ports?device_id=${router.id}`), []);
    const cleared = await sure('member', 'PUT', `routers/${router.id}`, {
      router: { external_gateway_info: {} },
    });
    assert.deepEqual([cleared.external_gateway_info, cleared.revision_number], [null, 1]);
    assert.equal((await ask('admin', 'GET', `ports/${port.id}`)).status, 404);
  });
  it('of an operator has the addresses and the SNAT that it names', async () => {
    const info = {
      network_id: external.id,
      enable_snat: false,
      external_fixed_ips: [{ subnet_id: outer.id, ip_address: '172.24.4.200' }],
    };
    const router = await sure('admin', 'POST', 'routers', {
      router: { external_gateway_info: info },
    });
    assert.deepEqual(router.external_gateway_info, {
      network_id: external.id,
      enable_snat: false,
      external_fixed_ips: info.external_fixed_ips,
    });
    const moved = await sure('admin', 'PUT', `routers/${router.id}`, {
      router: {
        external_gateway_info: {
          network_id: external.id,
          enable_snat: true,
          external_fixed_ips: [{ ip_address: '172.24.4.201' }],
        },
      },
    });
    assert.deepEqual(
      [
        moved.external_gateway_info.enable_snat,
        moved.external_gateway_info.external_fixed_ips[0].ip_address,
      ],
      [true, '172.24.4.201'],
    );
  });
  it('is the gateway of a subnet it is plugged into, and gone from it when unplugged', async () => {
    const { router, subnet, network } = await routed();
    const [port] = await sure('member', 'GET', `ports?device_id=${router.id}`);
    assert.deepEqual(
      [port.device_owner, port.fixed_ips, port.status],
      [
        'network:router_interface',
        [{ subnet_id: subnet.id, ip_address: subnet.gateway_ip }],
        'ACTIVE',
      ],
    );
    const removal = await sure('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
      subnet_id: subnet.id,
    });
    assert.deepEqual(removal, {
      id: router.id,
      tenant_id: 'project-a',
      project_id: 'project-a',
      port_id: port.id,
      network_id: network.id,
      subnet_id: subnet.id,
      subnet_ids: [subnet.id],
    });
    assert.equal((await ask('member', 'GET', `ports/${port.id}`)).status, 404);
    assert.equal((await ask('member', 'DELETE', `routers/${router.id}`)).status, 204);
  });
  it('takes a port for an interface, which is then its own', async () => {
    const { router, network } = await routed();
    const second = await sure('member', 'POST', 'subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.200.0.0/24' },
    });
    const port = await sure('member', 'POST', 'ports', {
      port: {
        network_id: network.id,
        fixed_ips: [{ subnet_id: second.id, ip_address: '10.200.0.77' }],
      },
    });
    assert.equal(
      (
        await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
          port_id: port.id,
        })
      ).port_id,
      port.id,
    );
    const portInUse = await sure('member', 'GET', `ports/${port.id}`);
    assert.deepEqual(
      [
        portInUse.device_owner,
        portInUse.device_id,
        portInUse.security_groups,
        portInUse.port_security_enabled,
      ],
      ['network:router_interface', router.id, [], false],
    );
    assert.equal(
      (
        await ask('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
          port_id: port.id,
        })
      ).status,
      200,
    );
  });
  it('lets its interface take another address of its subnet, and no other subnet', async () => {
    const { router, network, subnet } = await routed();
    const [{ id: portId }] = await sure(
      'member',
      'GET',
      `ports?device_id=${router.id}&device_owner=network:router_interface`,
    );
    const address = subnet.gateway_ip.replace(/\d+$/, '77');
    const moved = await sure('member', 'PUT', `ports/${portId}`, {
      port: { fixed_ips: [{ subnet_id: subnet.id, ip_address: address }] },
    });
    assert.deepEqual(moved.fixed_ips, [{ subnet_id: subnet.id, ip_address: address }]);
    const other = await sure('member', 'POST', 'subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.201.0.0/24' },
    });
    assert.equal(
      (
        await ask('member', 'PUT', `ports/${portId}`, {
          port: { fixed_ips: [{ subnet_id: other.id }] },
        })
      ).status,
      400,
    );
  });
  it('has one port for all IPv6 subnets of a network', async () => {
    const { router, network } = await routed();
    const v6: Loose[] = [];
    for (const cidr of ['2001:db8:a::/64', '2001:db8:b::/64'])
      v6.push(
        await sure('member', 'POST', 'subnets', {
          subnet: {
            network_id: network.id,
            ip_version: 6,
            cidr,
            ipv6_ra_mode: 'slaac',
            ipv6_address_mode: 'slaac',
          },
        }),
      );
    const plugged: Loose[] = [];
    for (const { id } of v6)
      plugged.push(
        await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, { subnet_id: id }),
      );
    assert.equal(plugged[0].port_id, plugged[1].port_id);
    const port = await sure('member', 'GET', `ports/${plugged[0].port_id}`);
    assert.deepEqual(
      port.fixed_ips.map(({ ip_address }: Loose) => ip_address),
      ['2001:db8:a::1', '2001:db8:b::1'],
    );
    await sure('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
      subnet_id: v6[0].id,
    });
    assert.deepEqual((await sure('member', 'GET', `ports/${port.id}`)).fixed_ips.length, 1);
  });
  it('has extra routes, replaced as a whole or added and removed one by one', async () => {
    const { router, subnet } = await routed();
    const hop = subnet.gateway_ip.replace(/1$/, '9');
    const [a, b] = [
      { destination: '192.168.0.0/16', nexthop: hop },
      { destination: '192.169.0.0/16', nexthop: hop },
    ];
    assert.deepEqual(
      (await sure('member', 'PUT', `routers/${router.id}`, { router: { routes: [a] } })).routes,
      [a],
    );
    assert.deepEqual(
      (
        await sure('member', 'PUT', `routers/${router.id}/add_extraroutes`, {
          router: { routes: [a, b] },
        })
      ).routes,
      [a, b],
    );
    assert.deepEqual(
      typeOf(
        await ask('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
          subnet_id: subnet.id,
        }),
      ),
      [409, 'RouterInterfaceInUseByRoute'],
    );
    assert.deepEqual(
      (
        await sure('member', 'PUT', `routers/${router.id}/remove_extraroutes`, {
          router: { routes: [a] },
        })
      ).routes,
      [b],
    );
    assert.deepEqual(
      (await sure('member', 'PUT', `routers/${router.id}`, { router: { routes: null } })).routes,
      [],
    );
  });
});

describe('a floating IP', () => {
  it('leads to a port by the router between, elsewhere, and nowhere', async () => {
    const { router, network } = await routed();
    const [one, two] = [
      await sure('member', 'POST', 'ports', { port: { network_id: network.id } }),
      await sure('member', 'POST', 'ports', { port: { network_id: network.id } }),
    ];
    const floatingIp = await sure('member', 'POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, port_id: one.id },
    });
    assert.deepEqual(
      [floatingIp.port_id, floatingIp.fixed_ip_address, floatingIp.router_id, floatingIp.status],
      [one.id, one.fixed_ips[0].ip_address, router.id, 'ACTIVE'],
    );
    const moved = await sure('member', 'PUT', `floatingips/${floatingIp.id}`, {
      floatingip: { port_id: two.id },
    });
    assert.deepEqual(
      [moved.port_id, moved.fixed_ip_address],
      [two.id, two.fixed_ips[0].ip_address],
    );
    const described = await sure('member', 'PUT', `floatingips/${floatingIp.id}`, {
      floatingip: { description: 'mine' },
    });
    assert.deepEqual([described.description, described.port_id], ['mine', two.id]);
    const free = await sure('member', 'PUT', `floatingips/${floatingIp.id}`, {
      floatingip: { port_id: null },
    });
    assert.deepEqual(
      [free.port_id, free.fixed_ip_address, free.router_id, free.status],
      [null, null, null, 'DOWN'],
    );
    const [holder] = await sure('admin', 'GET', `ports?device_id=${floatingIp.id}`);
    assert.deepEqual(
      [holder.device_owner, holder.project_id, holder.fixed_ips[0].ip_address],
      ['network:floatingip', '', floatingIp.floating_ip_address],
    );
    assert.equal((await ask('member', 'DELETE', `floatingips/${floatingIp.id}`)).status, 204);
    assert.equal((await ask('admin', 'GET', `ports/${holder.id}`)).status, 404);
  });
  it('leads nowhere when its port is deleted or loses the address', async () => {
    const { network } = await routed();
    const port = await sure('member', 'POST', 'ports', { port: { network_id: network.id } });
    const { id } = await sure('member', 'POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, port_id: port.id },
    });
    await sure('member', 'PUT', `ports/${port.id}`, {
      port: { fixed_ips: [{ ip_address: port.fixed_ips[0].ip_address.replace(/\d+$/, '99') }] },
    });
    assert.equal((await sure('member', 'GET', `floatingips/${id}`)).port_id, null);
    await sure('member', 'PUT', `floatingips/${id}`, { floatingip: { port_id: port.id } });
    await sure('member', 'DELETE', `ports/${port.id}`);
    const free = await sure('member', 'GET', `floatingips/${id}`);
    assert.deepEqual([free.port_id, free.status], [null, 'DOWN']);
  });
  it("holds the router's gateway and interface, and a second one is not for the same address", async () => {
    const { router, network, subnet } = await routed();
    const port = await sure('member', 'POST', 'ports', { port: { network_id: network.id } });
    await sure('member', 'POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, port_id: port.id },
    });
    assert.deepEqual(
      typeOf(
        await ask('member', 'PUT', `routers/${router.id}`, {
          router: { external_gateway_info: {} },
        }),
      ),
      [409, 'RouterExternalGatewayInUseByFloatingIp'],
    );
    assert.deepEqual(
      typeOf(
        await ask('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
          subnet_id: subnet.id,
        }),
      ),
      [409, 'RouterInterfaceInUseByFloatingIP'],
    );
    assert.deepEqual(
      typeOf(
        await ask('member', 'POST', 'floatingips', {
          floatingip: { floating_network_id: external.id, port_id: port.id },
        }),
      ),
      [409, 'FloatingIPPortAlreadyAssociated'],
    );
  });
  it("of an operator has the address it names, which is then no port's", async () => {
    const floatingIp = await sure('admin', 'POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, floating_ip_address: '172.24.4.222' },
    });
    assert.equal(floatingIp.floating_ip_address, '172.24.4.222');
    assert.deepEqual(
      typeOf(
        await ask('admin', 'POST', 'ports', {
          port: { network_id: external.id, fixed_ips: [{ ip_address: '172.24.4.222' }] },
        }),
      ),
      [409, 'IpAddressAlreadyAllocated'],
    );
  });
  it('that leads nowhere goes with its network', async () => {
    const { id } = await sure('admin', 'POST', 'networks', {
      network: { 'router:external': true },
    });
    await sure('admin', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '172.25.0.0/24' },
    });
    const floating = await sure('member', 'POST', 'floatingips', {
      floatingip: { floating_network_id: id },
    });
    assert.equal((await ask('admin', 'DELETE', `networks/${id}`)).status, 204);
    assert.equal((await ask('member', 'GET', `floatingips/${floating.id}`)).status, 404);
  });
});
