// The refusals of subnet requests, each with its status code and fault type.
import { describe } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { external, network, subnet, strange, nobody, refuses } from './refusals.testing.ts';

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
