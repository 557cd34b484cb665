// The refusals of router and floating IP requests, each with its status code and fault type.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import {
  elsewhere,
  external,
  network,
  neutron,
  nobody,
  port,
  refuses,
  router,
  subnet,
  unknownCases,
} from './refusals.testing.ts';

describe('a router is refused', () => {
  const to = (info: Record<string, Json>) => ({ router: { external_gateway_info: info } });
  refuses([
    {
      what: 'a gateway on an unknown network',
      method: 'PUT',
      path: () => `routers/${router.id}`,
      body: to({ network_id: nobody }),
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'a gateway on a network that is not external',
      method: 'PUT',
      path: () => `routers/${router.id}`,
      body: () => to({ network_id: network.id }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'SNAT said by a member',
      method: 'PUT',
      path: () => `routers/${router.id}`,
      body: () => to({ network_id: external.id, enable_snat: false }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'as a distributed one of a member',
      path: 'routers',
      body: { router: { distributed: true } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'its deletion while it has interfaces',
      method: 'DELETE',
      path: () => `routers/${router.id}`,
      code: 409,
      type: 'RouterInUse',
    },
    {
      what: 'the same subnet twice',
      method: 'PUT',
      path: () => `routers/${router.id}/add_router_interface`,
      body: () => ({ subnet_id: subnet.id }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'an interface by nothing',
      method: 'PUT',
      path: () => `routers/${router.id}/add_router_interface`,
      body: {},
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'an interface by both',
      method: 'PUT',
      path: () => `routers/${router.id}/add_router_interface`,
      body: () => ({ subnet_id: subnet.id, port_id: port.id }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'an interface on an unknown subnet',
      method: 'PUT',
      path: () => `routers/${router.id}/add_router_interface`,
      body: { subnet_id: nobody },
      code: 404,
      type: 'SubnetNotFound',
    },
    {
      what: 'an interface by an unknown port',
      method: 'PUT',
      path: () => `routers/${router.id}/add_router_interface`,
      body: { port_id: nobody },
      code: 404,
      type: 'PortNotFound',
    },
    {
      what: 'the removal of an interface it has not',
      method: 'PUT',
      path: () => `routers/${router.id}/remove_router_interface`,
      body: () => ({ subnet_id: elsewhere.id }),
      code: 404,
      type: 'RouterInterfaceNotFoundForSubnet',
    },
    {
      what: 'the removal of a port that is not its',
      method: 'PUT',
      path: () => `routers/${router.id}/remove_router_interface`,
      body: () => ({ port_id: port.id }),
      code: 404,
      type: 'RouterInterfaceNotFound',
    },
    {
      what: 'a route by no neighbour',
      method: 'PUT',
      path: () => `routers/${router.id}`,
      body: { router: { routes: [{ destination: '192.168.0.0/16', nexthop: '10.7.0.9' }] } },
      code: 400,
      type: 'InvalidRoutes',
    },
    {
      what: 'a route by itself',
      method: 'PUT',
      path: () => `routers/${router.id}`,
      body: { router: { routes: [{ destination: '192.168.0.0/16', nexthop: '10.0.0.1' }] } },
      code: 400,
      type: 'InvalidRoutes',
    },
    ...unknownCases('routers', 'router', 'RouterNotFound'),
  ]);
  it('an interface on a subnet that overlaps: 400 BadRequest', async () => {
    const second = await neutron.sure('member', 'POST', 'networks', {
      network: { name: 'second' },
    });
    const overlapping = await neutron.sure('member', 'POST', 'subnets', {
      subnet: { network_id: second.id, ip_version: 4, cidr: '10.0.0.0/16' },
    });
    const answer = await neutron.ask('member', 'PUT', `routers/${router.id}/add_router_interface`, {
      subnet_id: overlapping.id,
    });
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [400, 'BadRequest']);
  });
  it('an interface by a port that is used: 409 PortInUse', async () => {
    const used = await neutron.sure('member', 'POST', 'ports', {
      port: { network_id: network.id, device_id: 'something' },
    });
    const answer = await neutron.ask('member', 'PUT', `routers/${router.id}/add_router_interface`, {
      port_id: used.id,
    });
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [409, 'PortInUse']);
  });
  it('a gateway address that is taken: 409 IpAddressAlreadyAllocated', async () => {
    const first = await neutron.sure('admin', 'POST', 'routers', {
      router: { external_gateway_info: { network_id: external.id } },
    });
    const answer = await neutron.ask('admin', 'POST', 'routers', {
      router: {
        external_gateway_info: {
          network_id: external.id,
          external_fixed_ips: first.external_gateway_info.external_fixed_ips,
        },
      },
    });
    assert.deepEqual(
      [answer.status, answer.body.NeutronError.type],
      [409, 'IpAddressAlreadyAllocated'],
    );
  });
});

describe('a floating IP is refused', () =>
  refuses([
    {
      what: 'on an unknown network',
      path: 'floatingips',
      body: { floatingip: { floating_network_id: nobody } },
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'on a private network',
      path: 'floatingips',
      body: () => ({ floatingip: { floating_network_id: network.id } }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'to an unknown port',
      path: 'floatingips',
      body: () => ({ floatingip: { floating_network_id: external.id, port_id: nobody } }),
      code: 404,
      type: 'PortNotFound',
    },
    {
      what: 'to a port that no router brings out',
      path: 'floatingips',
      body: () => ({ floatingip: { floating_network_id: external.id, port_id: port.id } }),
      code: 404,
      type: 'ExternalGatewayForFloatingIPNotFound',
    },
    {
      what: 'to an address that the port has not',
      path: 'floatingips',
      body: () => ({
        floatingip: {
          floating_network_id: external.id,
          port_id: port.id,
          fixed_ip_address: '10.0.0.77',
        },
      }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'to an address of no port',
      path: 'floatingips',
      body: () => ({
        floatingip: { floating_network_id: external.id, fixed_ip_address: '10.0.0.77' },
      }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'that a member names',
      path: 'floatingips',
      body: () => ({
        floatingip: { floating_network_id: external.id, floating_ip_address: '172.24.4.99' },
      }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `floatingips/${nobody}`,
      code: 404,
      type: 'FloatingIPNotFound',
    },
  ]));
