// Address fields of all resources: an address is shown in its canonical spelling, whichever one was
// sent; an address that no host can have is refused.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { neutronDefaults } from '../deps.ts';
import type { NeutronFixture } from './neutron-api.testing.ts';
import { startNeutron } from './neutron-api.testing.ts';

let neutron: NeutronFixture;
let network: Loose;
let group: Loose;
let router: Loose;

before(async () => {
  neutron = await startNeutron({ config: { quotas: { ...neutronDefaults.quotas, network: 500 } } });
  network = await neutron.sure('member', 'POST', 'networks', { network: {} });
  const subnet = await neutron.sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
  });
  await neutron.sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 6, cidr: '2001:db8::/64' },
  });
  group = await neutron.sure('member', 'POST', 'security-groups', {
    security_group: { name: 'web' },
  });
  router = await neutron.sure('member', 'POST', 'routers', { router: {} });
  await neutron.sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
    subnet_id: subnet.id,
  });
});
after(async () => await neutron.close());

type Fields = Record<string, Json>;
const subnet = async (fields: Fields) => {
  const own = await neutron.sure('member', 'POST', 'networks', { network: {} });
  return await neutron.ask('member', 'POST', 'subnets', {
    subnet: { network_id: own.id, ...fields },
  });
};
const port = async (fields: Fields) =>
  await neutron.ask('member', 'POST', 'ports', { port: { network_id: network.id, ...fields } });
const rule = async (fields: Fields) =>
  await neutron.ask('member', 'POST', 'security-group-rules', {
    security_group_rule: { security_group_id: group.id, direction: 'ingress', ...fields },
  });
const routes = async (route: Fields) =>
  await neutron.ask('member', 'PUT', `routers/${router.id}`, { router: { routes: [route] } });
const four = { ip_version: 4, cidr: '10.1.0.0/24' };
const six = { ip_version: 6, cidr: '2001:DB8:1::/64' };

describe('an address is shown in its one spelling', () => {
  const cases: [
    what: string,
    send: () => Promise<Loose>,
    read: (body: Loose) => Json,
    shown: Json,
  ][] = [
    [
      'prefix of a subnet',
      async () => await subnet({ ip_version: 4, cidr: '10.1.0.77/24' }),
      ({ subnet: { cidr } }) => cidr,
      '10.1.0.0/24',
    ],
    [
      'IPv6 prefix of a subnet',
      async () => await subnet(six),
      ({ subnet: { cidr } }) => cidr,
      '2001:db8:1::/64',
    ],
    [
      'gateway of a subnet',
      async () => await subnet({ ...six, gateway_ip: '2001:DB8:1:0:0:0:0:1' }),
      ({ subnet: { gateway_ip } }) => gateway_ip,
      '2001:db8:1::1',
    ],
    [
      'allocation pool',
      async () =>
        await subnet({
          ...six,
          allocation_pools: [{ start: '2001:DB8:1::000A', end: '2001:DB8:1:0::F' }],
        }),
      ({ subnet: { allocation_pools } }) => allocation_pools,
      [{ start: '2001:db8:1::a', end: '2001:db8:1::f' }],
    ],
    [
      'name server',
      async () => await subnet({ ...four, dns_nameservers: ['2001:DB8:0::53'] }),
      ({ subnet: { dns_nameservers } }) => dns_nameservers,
      ['2001:db8::53'],
    ],
    [
      'host route',
      async () =>
        await subnet({
          ...six,
          host_routes: [{ destination: '2001:DB8:77::1/48', nexthop: '2001:DB8:1::0002' }],
        }),
      ({ subnet: { host_routes } }) => host_routes,
      [{ destination: '2001:db8:77::/48', nexthop: '2001:db8:1::2' }],
    ],
    [
      'fixed IP',
      async () => await port({ fixed_ips: [{ ip_address: '2001:DB8::000C' }] }),
      ({ port: { fixed_ips } }) => fixed_ips[0].ip_address,
      '2001:db8::c',
    ],
    [
      'allowed address',
      async () => await port({ allowed_address_pairs: [{ ip_address: '2001:DB8::0D' }] }),
      ({ port: { allowed_address_pairs } }) => allowed_address_pairs[0].ip_address,
      '2001:db8::d',
    ],
    [
      'allowed prefix',
      async () => await port({ allowed_address_pairs: [{ ip_address: '10.3.3.3/16' }] }),
      ({ port: { allowed_address_pairs } }) => allowed_address_pairs[0].ip_address,
      '10.3.0.0/16',
    ],
    [
      'allowed MAC',
      async () =>
        await port({
          allowed_address_pairs: [{ ip_address: '10.3.3.3', mac_address: 'FA-16-3E-00-00-0A' }],
        }),
      ({ port: { allowed_address_pairs } }) => allowed_address_pairs[0].mac_address,
      'fa:16:3e:00:00:0a',
    ],
    [
      'MAC',
      async () => await port({ mac_address: 'FA:16:3E:1:2:3' }),
      ({ port: { mac_address } }) => mac_address,
      'fa:16:3e:01:02:03',
    ],
    [
      'MAC with dashes',
      async () => await port({ mac_address: 'fa-16-3e-01-02-04' }),
      ({ port: { mac_address } }) => mac_address,
      'fa:16:3e:01:02:04',
    ],
    [
      'MAC with dots',
      async () => await port({ mac_address: 'fa16.3e01.0205' }),
      ({ port: { mac_address } }) => mac_address,
      'fa:16:3e:01:02:05',
    ],
    [
      'bare MAC',
      async () => await port({ mac_address: 'fa163e010206' }),
      ({ port: { mac_address } }) => mac_address,
      'fa:16:3e:01:02:06',
    ],
    [
      'route of a router',
      async () => await routes({ destination: '10.200.1.1/16', nexthop: '10.0.0.9' }),
      ({ router: { routes: all } }) => all,
      [{ destination: '10.200.0.0/16', nexthop: '10.0.0.9' }],
    ],
    [
      'prefix of a pool',
      async () =>
        await neutron.ask('member', 'POST', 'subnetpools', {
          subnetpool: { name: 'p', prefixes: ['10.64.1.1/16'] },
        }),
      ({ subnetpool: { prefixes } }) => prefixes,
      ['10.64.0.0/16'],
    ],
    [
      'remote address of a rule',
      async () => await rule({ remote_ip_prefix: '1.2.3.4' }),
      ({ security_group_rule: { remote_ip_prefix, normalized_cidr } }) => [
        remote_ip_prefix,
        normalized_cidr,
      ],
      ['1.2.3.4/32', '1.2.3.4/32'],
    ],
    [
      'remote prefix of a rule',
      async () => await rule({ remote_ip_prefix: '10.0.0.7/24' }),
      ({ security_group_rule: { remote_ip_prefix, normalized_cidr } }) => [
        remote_ip_prefix,
        normalized_cidr,
      ],
      ['10.0.0.7/24', '10.0.0.0/24'],
    ],
    [
      'IPv6 address of a rule',
      async () => await rule({ ethertype: 'ipv6', remote_ip_prefix: '2001:DB8:0::1' }),
      ({ security_group_rule: { remote_ip_prefix } }) => remote_ip_prefix,
      '2001:db8::1/128',
    ],
    [
      'protocol in capitals',
      async () => await rule({ protocol: 'TCP', port_range_min: 80, port_range_max: 80 }),
      ({ security_group_rule: { protocol } }) => protocol,
      'tcp',
    ],
    [
      'protocol as a number',
      async () => await rule({ protocol: 17, port_range_min: 80, port_range_max: 80 }),
      ({ security_group_rule: { protocol } }) => protocol,
      '17',
    ],
    [
      'protocol with zeros',
      async () => await rule({ protocol: '0132' }),
      ({ security_group_rule: { protocol } }) => protocol,
      '132',
    ],
    [
      'ICMP of IPv6',
      async () => await rule({ ethertype: 'IPv6', protocol: 'icmp' }),
      ({ security_group_rule: { protocol } }) => protocol,
      'ipv6-icmp',
    ],
    [
      'whole range of ports',
      async () => await rule({ protocol: 'udp', port_range_min: 1, port_range_max: 65_535 }),
      ({ security_group_rule: { port_range_min, port_range_max } }) => [
        port_range_min,
        port_range_max,
      ],
      [null, null],
    ],
  ];
  for (const [what, send, read, shown] of cases) {
    it(what, async () => {
      const answer = await send();
      assert.ok(answer.status < 300, JSON.stringify(answer.body));
      assert.deepEqual(read(answer.body), shown);
    });
  }
  it('another spelling of an existing rule is refused as a duplicate', async () => {
    assert.equal((await rule({ remote_ip_prefix: '192.0.2.1' })).status, 201);
    for (const twin of ['192.0.2.1/32', '192.0.2.1'])
      assert.equal(
        (await rule({ remote_ip_prefix: twin })).body.NeutronError.type,
        'SecurityGroupRuleExists',
      );
  });
});

describe('an address that no host can have is refused', () => {
  const cases: [what: string, send: () => Promise<Loose>, type: string][] = [
    ...['224.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '96.0.0.0/3'].map(
      (cidr): [string, () => Promise<Loose>, string] => [
        `DHCP on ${cidr}`,
        async () => await subnet({ ip_version: 4, cidr }),
        'InvalidInput',
      ],
    ),
    ...['ff00::/64', '::/64', 'fe80::/64', '2001:db8:2::/127'].map(
      (cidr): [string, () => Promise<Loose>, string] => [
        `DHCP on ${cidr}`,
        async () => await subnet({ ip_version: 6, cidr }),
        'InvalidInput',
      ],
    ),
    ...['224.0.0.1', '127.0.0.1', '0.0.0.0', '255.255.255.255'].map(
      (gateway_ip): [string, () => Promise<Loose>, string] => [
        `gateway ${gateway_ip}`,
        async () => await subnet({ ...four, gateway_ip }),
        'InvalidInput',
      ],
    ),
    [
      "a multicast subnet's own gateway",
      async () => await subnet({ ip_version: 4, cidr: '224.0.0.0/8', enable_dhcp: false }),
      'InvalidInput',
    ],
    [
      'prefix without a length',
      async () => await subnet({ ip_version: 4, cidr: '10.1.0.0' }),
      'HTTPBadRequest',
    ],
    ...['224.0.0.1', '127.0.0.1', 'ff02::1', '255.255.255.255'].map(
      (server): [string, () => Promise<Loose>, string] => [
        `name server ${server}`,
        async () => await subnet({ ...four, dns_nameservers: [server] }),
        'InvalidInput',
      ],
    ),
    [
      'host route to loopback',
      async () =>
        await subnet({
          ...four,
          host_routes: [{ destination: '127.0.0.0/8', nexthop: '10.1.0.2' }],
        }),
      'InvalidInput',
    ],
    [
      'host route by multicast',
      async () =>
        await subnet({
          ...four,
          host_routes: [{ destination: '10.5.0.0/16', nexthop: '224.0.0.5' }],
        }),
      'InvalidInput',
    ],
    [
      'host route without a length',
      async () =>
        await subnet({ ...four, host_routes: [{ destination: '10.5.0.0', nexthop: '10.1.0.2' }] }),
      'HTTPBadRequest',
    ],
    [
      'route to loopback',
      async () => await routes({ destination: '127.0.0.0/8', nexthop: '10.0.0.9' }),
      'InvalidRoutes',
    ],
    [
      'route without a length',
      async () => await routes({ destination: '10.200.0.0', nexthop: '10.0.0.9' }),
      'HTTPBadRequest',
    ],
    ...['224.0.0.18', '127.0.0.0/24', '0.0.0.0', '::', '255.255.255.255'].map(
      (ip_address): [string, () => Promise<Loose>, string] => [
        `allowed address ${ip_address}`,
        async () => await port({ allowed_address_pairs: [{ ip_address }] }),
        'HTTPBadRequest',
      ],
    ),
    ...[
      '00:00:00:00:00:00',
      'ff:ff:ff:ff:ff:ff',
      '01:00:5e:00:00:01',
      'fa:16:3e:00:00',
      'fa:16:3e-00:00:01',
    ].map((mac_address): [string, () => Promise<Loose>, string] => [
      `MAC ${mac_address}`,
      async () => await port({ mac_address }),
      'HTTPBadRequest',
    ]),
    [
      'remote prefix that is none',
      async () => await rule({ remote_ip_prefix: '10.0.0.0/33' }),
      'InvalidCIDR',
    ],
  ];
  for (const [what, send, type] of cases) {
    it(what, async () => {
      const answer = await send();
      assert.deepEqual(
        [answer.status, answer.body.NeutronError?.type],
        [400, type],
        JSON.stringify(answer.body),
      );
    });
  }
  it('while what has a meaning is taken: no name server, everything as a prefix, a group as destination', async () => {
    assert.equal((await subnet({ ...four, dns_nameservers: ['0.0.0.0'] })).status, 201);
    assert.equal(
      (
        await subnet({
          ...four,
          host_routes: [
            { destination: '0.0.0.0/0', nexthop: '10.1.0.2' },
            { destination: '224.0.0.0/4', nexthop: '10.1.0.2' },
          ],
        })
      ).status,
      201,
    );
    assert.equal(
      (await subnet({ ip_version: 4, cidr: '224.0.0.0/8', enable_dhcp: false, gateway_ip: null }))
        .status,
      201,
    );
    assert.equal((await subnet({ ...six, gateway_ip: 'fe80::1' })).status, 201);
    assert.equal(
      (await port({ allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }, { ip_address: '::/0' }] }))
        .status,
      201,
    );
    assert.equal(
      (await rule({ direction: 'egress', remote_ip_prefix: '224.0.0.18/32' })).status,
      201,
    );
  });
  it('is checked also when DHCP is enabled later', async () => {
    const subnetWithoutDhcp = await subnet({
      ip_version: 4,
      cidr: '127.0.0.0/8',
      enable_dhcp: false,
      gateway_ip: null,
    });
    const change = async (fields: Fields) =>
      (
        await neutron.ask('member', 'PUT', `subnets/${subnetWithoutDhcp.body.subnet.id}`, {
          subnet: fields,
        })
      ).status;
    assert.deepEqual(
      [await change({ enable_dhcp: true }), await change({ name: 'x' })],
      [400, 200],
    );
  });
});
