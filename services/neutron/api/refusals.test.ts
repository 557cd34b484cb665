// Every refusal that clients rely on, with its code and type: contracts/openstack-errors.txt, and
// upstream's exceptions.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { HttpMethod } from '#platform/http/messages.ts';
import type { Loose, NeutronBench, Person } from './neutron-api.testing.ts';
import { projectOf, startNeutron } from './neutron-api.testing.ts';

const nobody = '00000000-0000-4000-8000-000000000000';
let neutron: NeutronBench;
let external: Loose;
let elsewhere: Loose;
let network: Loose;
let subnet: Loose;
let port: Loose;
let router: Loose;
let group: Loose;
let strange: Loose;

before(async () => {
  neutron = await startNeutron();
  const { sure } = neutron;
  external = await sure('admin', 'POST', 'networks', {
    network: {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'physnet1',
    },
  });
  await sure('admin', 'POST', 'subnets', {
    subnet: { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false },
  });
  network = await sure('member', 'POST', 'networks', { network: { name: 'net' } });
  subnet = await sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
  });
  elsewhere = await sure('member', 'POST', 'subnets', {
    subnet: {
      network_id: (await sure('member', 'POST', 'networks', { network: {} })).id,
      ip_version: 4,
      cidr: '10.44.0.0/24',
    },
  });
  port = await sure('member', 'POST', 'ports', {
    port: {
      network_id: network.id,
      fixed_ips: [{ ip_address: '10.0.0.9' }],
      mac_address: 'fa:16:3e:00:00:01',
    },
  });
  router = await sure('member', 'POST', 'routers', { router: { name: 'r' } });
  await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
    subnet_id: subnet.id,
  });
  group = await sure('member', 'POST', 'security-groups', { security_group: { name: 'web' } });
  strange = await sure('other', 'POST', 'networks', { network: { name: 'strange' } });
});
after(async () => await neutron.close());

interface Case {
  what: string;
  who?: Person;
  method?: HttpMethod;
  path: string | (() => string);
  body?: Json | (() => Json);
  code: number;
  type: string;
}

function refuses(cases: readonly Case[]): void {
  for (const { what, who = 'member', method = 'POST', path, body, code, type } of cases) {
    it(`${what}: ${code} ${type}`, async () => {
      const answer = await neutron.ask(
        who,
        method,
        typeof path === 'string' ? path : path(),
        typeof body === 'function' ? body() : body,
      );
      assert.equal(answer.status, code, JSON.stringify(answer.body));
      assert.deepEqual(Object.keys(answer.body), ['NeutronError']);
      const { type: found, message, detail } = answer.body.NeutronError;
      assert.equal(found, type, message);
      assert.equal(detail, '');
      assert.ok(message.length > 5);
    });
  }
}

describe('a body is refused', () =>
  refuses([
    { what: 'without its object', path: 'networks', body: {}, code: 400, type: 'HTTPBadRequest' },
    { what: 'that is a list', path: 'networks', body: [], code: 400, type: 'HTTPBadRequest' },
    {
      what: 'with an empty bulk',
      path: 'networks',
      body: { networks: [] },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with an unknown attribute',
      path: 'networks',
      body: { network: { colour: 'red' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a name of JavaScript',
      path: 'networks',
      body: { network: { constructor: 1 } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with an attribute that only we set',
      path: 'networks',
      body: { network: { status: 'ACTIVE' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'without what it must name',
      path: 'ports',
      body: { port: {} },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong boolean',
      path: 'networks',
      body: { network: { admin_state_up: 'maybe' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a name that is too long',
      path: 'networks',
      body: { network: { name: 'x'.repeat(256) } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with two owners',
      path: 'networks',
      body: { network: { project_id: 'a', tenant_id: 'b' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: "with another's project",
      path: 'networks',
      body: { network: { project_id: 'project-b' } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'that shares as a member',
      path: 'networks',
      body: { network: { shared: true } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'that names a provider as a member',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
      },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'of a reader',
      who: 'reader',
      path: 'networks',
      body: { network: {} },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'of a PUT that names what stays',
      method: 'PUT',
      path: () => `networks/${network.id}`,
      body: { network: { 'provider:network_type': 'vlan' } },
      code: 400,
      type: 'HTTPBadRequest',
    },
  ]));

describe('a network is refused', () =>
  refuses([
    {
      what: 'on a flat network that is taken',
      who: 'admin',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
      },
      code: 409,
      type: 'FlatNetworkInUse',
    },
    {
      what: 'on an unknown physical network',
      who: 'admin',
      path: 'networks',
      body: {
        network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'nowhere' },
      },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'of an unknown type',
      who: 'admin',
      path: 'networks',
      body: { network: { 'provider:network_type': 'token-ring' } },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'on VLAN 4095',
      who: 'admin',
      path: 'networks',
      body: {
        network: {
          'provider:network_type': 'vlan',
          'provider:physical_network': 'physnet1',
          'provider:segmentation_id': 4095,
        },
      },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'on a tunnel that is taken',
      who: 'admin',
      path: 'networks',
      body: { network: { 'provider:network_type': 'geneve', 'provider:segmentation_id': 1 } },
      code: 409,
      type: 'TunnelIdInUse',
    },
    {
      what: "with packets larger than its carrier's",
      path: 'networks',
      body: { network: { mtu: 9000 } },
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'in an unknown zone',
      path: 'networks',
      body: { network: { availability_zone_hints: ['mars'] } },
      code: 404,
      type: 'AvailabilityZoneNotFound',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `networks/${nobody}`,
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'its change when unknown',
      method: 'PUT',
      path: `networks/${nobody}`,
      body: { network: { name: 'x' } },
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'its deletion when unknown',
      method: 'DELETE',
      path: `networks/${nobody}`,
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'its deletion while ports are on it',
      method: 'DELETE',
      path: () => `networks/${network.id}`,
      code: 409,
      type: 'NetworkInUse',
    },
    {
      what: 'its change by whom it is only shown',
      method: 'PUT',
      path: () => `networks/${external.id}`,
      body: { network: { name: 'mine' } },
      code: 403,
      type: 'PolicyNotAuthorized',
    },
  ]));

const v6 = { ip_version: 6, cidr: '2001:db8::/64' };
describe('a subnet is refused', () => {
  const on = (fields: Record<string, Json>) => () => ({
    subnet: { network_id: network.id, ip_version: 4, ...fields },
  });
  refuses([
    {
      what: 'that overlaps',
      path: 'subnets',
      body: on({ cidr: '10.0.0.128/25' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'on an unknown network',
      path: 'subnets',
      body: { subnet: { network_id: nobody, ip_version: 4, cidr: '10.9.0.0/24' } },
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: "on another's network",
      path: 'subnets',
      body: () => ({ subnet: { network_id: strange.id, ip_version: 4, cidr: '10.9.0.0/24' } }),
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'on a network that is only shown',
      path: 'subnets',
      body: () => ({ subnet: { network_id: external.id, ip_version: 4, cidr: '10.9.0.0/24' } }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'of the other family than its prefix',
      path: 'subnets',
      body: on({ ip_version: 6, cidr: '10.9.0.0/24' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'without prefix and pool',
      path: 'subnets',
      body: on({}),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'with a wrong prefix',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/40' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'too small for DHCP',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/31' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with the broadcast address as gateway',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/24', gateway_ip: '10.9.0.255' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with its gateway in a pool',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/24', allocation_pools: [{ start: '10.9.0.1', end: '10.9.0.9' }] }),
      code: 409,
      type: 'GatewayConflictWithAllocationPools',
    },
    {
      what: 'with pools outside',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/24', allocation_pools: [{ start: '10.9.0.5', end: '10.9.1.9' }] }),
      code: 400,
      type: 'OutOfBoundsAllocationPool',
    },
    {
      what: 'with six name servers',
      path: 'subnets',
      body: on({
        cidr: '10.9.0.0/24',
        dns_nameservers: [1, 2, 3, 4, 5, 6].map((last) => `9.9.9.${last}`),
      }),
      code: 400,
      type: 'DNSNameServersExhausted',
    },
    {
      what: 'with a route of the other family',
      path: 'subnets',
      body: on({
        cidr: '10.9.0.0/24',
        host_routes: [{ destination: '2001:db8::/64', nexthop: '2001:db8::1' }],
      }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'of IPv4 with an IPv6 mode',
      path: 'subnets',
      body: on({ cidr: '10.9.0.0/24', ipv6_address_mode: 'slaac' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with modes that disagree',
      path: 'subnets',
      body: on({ ...v6, ipv6_address_mode: 'slaac', ipv6_ra_mode: 'dhcpv6-stateful' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with modes without DHCP',
      path: 'subnets',
      body: on({ ...v6, ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac', enable_dhcp: false }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with slaac in a /65',
      path: 'subnets',
      body: on({ ip_version: 6, cidr: '2001:db8::/65', ipv6_address_mode: 'slaac' }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'from an unknown pool',
      path: 'subnets',
      body: on({ subnetpool_id: nobody }),
      code: 404,
      type: 'SubnetPoolNotFound',
    },
    {
      what: 'from a default pool that is not',
      path: 'subnets',
      body: on({ use_default_subnetpool: true }),
      code: 400,
      type: 'BadRequest',
    },
    {
      what: 'its deletion while ports have its addresses',
      method: 'DELETE',
      path: () => `subnets/${subnet.id}`,
      code: 409,
      type: 'SubnetInUse',
    },
    {
      what: 'another gateway while a router is it',
      method: 'PUT',
      path: () => `subnets/${subnet.id}`,
      body: { subnet: { gateway_ip: null } },
      code: 409,
      type: 'GatewayIpInUse',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `subnets/${nobody}`,
      code: 404,
      type: 'SubnetNotFound',
    },
  ]);
});

describe('a port is refused', () => {
  const on = (fields: Record<string, Json>) => () => ({
    port: { network_id: network.id, ...fields },
  });
  refuses([
    {
      what: 'on an unknown network',
      path: 'ports',
      body: { port: { network_id: nobody } },
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: "on another's network",
      path: 'ports',
      body: () => ({ port: { network_id: strange.id } }),
      code: 404,
      type: 'NetworkNotFound',
    },
    {
      what: 'on the external network as a member',
      path: 'ports',
      body: () => ({ port: { network_id: external.id } }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'with an address outside',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.8.0.5' }] }),
      code: 400,
      type: 'InvalidIpForNetwork',
    },
    {
      what: 'with an address outside of its subnet',
      path: 'ports',
      body: () => ({
        port: {
          network_id: network.id,
          fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.8.0.5' }],
        },
      }),
      code: 400,
      type: 'InvalidIpForSubnet',
    },
    {
      what: 'with the broadcast address',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.255' }] }),
      code: 400,
      type: 'InvalidIpForSubnet',
    },
    {
      what: 'with a subnet of another network',
      path: 'ports',
      body: () => ({ port: { network_id: network.id, fixed_ips: [{ subnet_id: elsewhere.id }] } }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with an address that is taken',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.9' }] }),
      code: 409,
      type: 'IpAddressAlreadyAllocated',
    },
    {
      what: 'with an address twice',
      path: 'ports',
      body: on({ fixed_ips: [{ ip_address: '10.0.0.99' }, { ip_address: '10.0.0.99' }] }),
      code: 400,
      type: 'InvalidInput',
    },
    {
      what: 'with a MAC that is taken',
      path: 'ports',
      body: on({ mac_address: 'FA:16:3e:00:00:01' }),
      code: 409,
      type: 'MacAddressInUse',
    },
    {
      what: 'with an unknown security group',
      path: 'ports',
      body: on({ security_groups: [nobody] }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'with a group but no security',
      path: 'ports',
      body: () => ({
        port: { network_id: network.id, port_security_enabled: false, security_groups: [group.id] },
      }),
      code: 400,
      type: 'PortSecurityAndIPRequiredForSecurityGroups',
    },
    {
      what: 'with address pairs but no security',
      path: 'ports',
      body: on({
        port_security_enabled: false,
        allowed_address_pairs: [{ ip_address: '10.0.0.0/8' }],
      }),
      code: 409,
      type: 'AddressPairAndPortSecurityRequired',
    },
    {
      what: "as a router's",
      path: 'ports',
      body: on({ device_owner: 'network:router_interface' }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'bound by a member',
      path: 'ports',
      body: on({ 'binding:host_id': 'h1' }),
      code: 403,
      type: 'PolicyNotAuthorized',
    },
    {
      what: 'without security while it has groups',
      method: 'PUT',
      path: () => `ports/${port.id}`,
      body: { port: { port_security_enabled: false } },
      code: 409,
      type: 'PortSecurityPortHasSecurityGroup',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `ports/${nobody}`,
      code: 404,
      type: 'PortNotFound',
    },
    {
      what: 'its change when unknown',
      method: 'PUT',
      path: `ports/${nobody}`,
      body: { port: { name: 'x' } },
      code: 404,
      type: 'PortNotFound',
    },
    {
      what: 'its deletion when unknown',
      method: 'DELETE',
      path: `ports/${nobody}`,
      code: 404,
      type: 'PortNotFound',
    },
  ]);
  it("another device or address while it is a router's: 400 BadRequest", async () => {
    const [plugged] = await neutron.sure('member', 'GET', `ports?device_id=${router.id}`);
    for (const change of [{ device_id: '' }, { device_owner: '' }, { fixed_ips: [] }]) {
      const answer = await neutron.ask('member', 'PUT', `ports/${plugged.id}`, { port: change });
      assert.deepEqual([answer.status, answer.body.NeutronError.type], [400, 'BadRequest']);
    }
    assert.equal(
      (
        await neutron.sure('member', 'PUT', `ports/${plugged.id}`, {
          port: { name: 'uplink', device_id: router.id },
        })
      ).name,
      'uplink',
    );
  });
  it("its deletion while it is a router's: 409 ServicePortInUse", async () => {
    const [plugged] = await neutron.sure('member', 'GET', `ports?device_id=${router.id}`);
    const answer = await neutron.ask('member', 'DELETE', `ports/${plugged.id}`);
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [409, 'ServicePortInUse']);
  });
});

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
    {
      what: 'when unknown',
      method: 'GET',
      path: `routers/${nobody}`,
      code: 404,
      type: 'RouterNotFound',
    },
    {
      what: 'its change when unknown',
      method: 'PUT',
      path: `routers/${nobody}`,
      body: { router: { name: 'x' } },
      code: 404,
      type: 'RouterNotFound',
    },
    {
      what: 'its deletion when unknown',
      method: 'DELETE',
      path: `routers/${nobody}`,
      code: 404,
      type: 'RouterNotFound',
    },
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

describe('a security group or rule is refused', () => {
  const rule = (fields: Record<string, Json>) => () => ({
    security_group_rule: { security_group_id: group.id, direction: 'ingress', ...fields },
  });
  refuses([
    {
      what: 'with the name default',
      path: 'security-groups',
      body: { security_group: { name: 'default' } },
      code: 409,
      type: 'SecurityGroupDefaultAlreadyExists',
    },
    {
      what: 'renamed to default',
      method: 'PUT',
      path: () => `security-groups/${group.id}`,
      body: { security_group: { name: 'default' } },
      code: 409,
      type: 'SecurityGroupDefaultAlreadyExists',
    },
    {
      what: 'when unknown',
      method: 'DELETE',
      path: `security-groups/${nobody}`,
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'in an unknown group',
      path: 'security-group-rules',
      body: { security_group_rule: { security_group_id: nobody, direction: 'ingress' } },
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'from an unknown group',
      path: 'security-group-rules',
      body: rule({ remote_group_id: nobody }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: "from what is no group's id",
      path: 'security-group-rules',
      body: rule({ remote_group_id: 'bad_group_id' }),
      code: 404,
      type: 'SecurityGroupNotFound',
    },
    {
      what: 'with a wrong protocol',
      path: 'security-group-rules',
      body: rule({ protocol: 'bad_protocol_name' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong ethertype',
      path: 'security-group-rules',
      body: rule({ ethertype: 'IPv5' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong direction',
      path: 'security-group-rules',
      body: rule({ direction: 'up' }),
      code: 400,
      type: 'HTTPBadRequest',
    },
    {
      what: 'with a wrong prefix',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', remote_ip_prefix: '192.168.1./24' }),
      code: 400,
      type: 'InvalidCIDR',
    },
    {
      what: 'with a group and a prefix',
      path: 'security-group-rules',
      body: () => rule({ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id })(),
      code: 400,
      type: 'SecurityGroupRemoteGroupAndRemoteIpPrefix',
    },
    {
      what: 'with a port beyond',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 65_536 }),
      code: 400,
      type: 'SecurityGroupInvalidPortValue',
    },
    {
      what: 'with a range turned round',
      path: 'security-group-rules',
      body: rule({ protocol: 'tcp', port_range_min: 80, port_range_max: 79 }),
      code: 400,
      type: 'SecurityGroupInvalidPortRange',
    },
    {
      what: 'when unknown',
      method: 'GET',
      path: `security-group-rules/${nobody}`,
      code: 404,
      type: 'SecurityGroupRuleNotFound',
    },
  ]);
  it('twice: 409 SecurityGroupRuleExists', async () => {
    const ssh = rule({ protocol: 'tcp', port_range_min: 22, port_range_max: 22 })();
    await neutron.sure('member', 'POST', 'security-group-rules', ssh);
    const answer = await neutron.ask('member', 'POST', 'security-group-rules', ssh);
    assert.deepEqual(
      [answer.status, answer.body.NeutronError.type],
      [409, 'SecurityGroupRuleExists'],
    );
  });
  it('deleted while a port is in it: 409 SecurityGroupInUse', async () => {
    await neutron.sure('member', 'PUT', `ports/${port.id}`, {
      port: { security_groups: [group.id] },
    });
    const answer = await neutron.ask('member', 'DELETE', `security-groups/${group.id}`);
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [409, 'SecurityGroupInUse']);
  });
  it('renamed or deleted when it is the default one: 409', async () => {
    const [own] = await neutron.sure('member', 'GET', 'security-groups?name=default');
    const renamed = await neutron.ask('member', 'PUT', `security-groups/${own.id}`, {
      security_group: { name: 'other' },
    });
    assert.deepEqual(
      [renamed.status, renamed.body.NeutronError.type],
      [409, 'SecurityGroupCannotUpdateDefault'],
    );
    const deleted = await neutron.ask('member', 'DELETE', `security-groups/${own.id}`);
    assert.deepEqual(
      [deleted.status, deleted.body.NeutronError.type],
      [409, 'SecurityGroupCannotRemoveDefault'],
    );
  });
});

describe('what would exceed a quota', () => {
  const kinds: readonly [quota: string, path: string, body: () => Json][] = [
    ['network', 'networks', () => ({ network: {} })],
    [
      'subnet',
      'subnets',
      () => ({ subnet: { network_id: network.id, ip_version: 4, cidr: '10.44.0.0/24' } }),
    ],
    ['port', 'ports', () => ({ port: { network_id: network.id } })],
    ['router', 'routers', () => ({ router: {} })],
    ['floatingip', 'floatingips', () => ({ floatingip: { floating_network_id: external.id } })],
    ['security_group', 'security-groups', () => ({ security_group: { name: 'g' } })],
    [
      'security_group_rule',
      'security-group-rules',
      () => ({
        security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'udp' },
      }),
    ],
    ['subnetpool', 'subnetpools', () => ({ subnetpool: { name: 'p', prefixes: ['10.0.0.0/8'] } })],
  ];
  for (const [quota, path, body] of kinds) {
    it(`of ${quota} is refused: 409 OverQuota`, async () => {
      await neutron.sure('admin', 'PUT', `quotas/${projectOf('member')}`, {
        quota: { [quota]: 0 },
      });
      const answer = await neutron.ask('member', 'POST', path, body());
      assert.deepEqual(
        [answer.status, answer.body.NeutronError.type, answer.body.NeutronError.message],
        [409, 'OverQuota', `Quota exceeded for resources: ['${quota}'].`],
      );
      await neutron.sure('admin', 'DELETE', `quotas/${projectOf('member')}`);
    });
  }
});
