// The OVN rows of Neutron's objects, as golden files. `UPDATE=1` rewrites them.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { SdnRow } from '#ports/sdn.ts';
import type {
  ChassisFacts,
  FloatingIpFacts,
  NetworkFacts,
  PortFacts,
  RouterFacts,
  RuleFacts,
  SubnetFacts,
} from '../domain/sdn-facts.ts';
import { portDhcp, subnetRows } from './dhcp-rows.ts';
import { groupRows, matchOf } from './group-rows.ts';
import { networkRows } from './network-rows.ts';
import { portRows } from './port-rows.ts';
import { carriers, floatingIpRows, routerRows } from './router-rows.ts';

const overlay: NetworkFacts = {
  id: 'net',
  name: 'blue',
  mtu: 1442,
  dnsDomain: 'example.org.',
  physical: null,
};
const outside: NetworkFacts = {
  id: 'ext',
  name: 'public',
  mtu: 1500,
  dnsDomain: '',
  physical: { network: 'physnet1', vlan: 100 },
};
const subnet: SubnetFacts = {
  id: 'sub4',
  network: overlay,
  version: 4,
  cidr: '10.0.0.0/24',
  gatewayIp: '10.0.0.1',
  dhcp: true,
  dnsServers: ['9.9.9.9', '1.1.1.1'],
  hostRoutes: [{ destination: '10.7.0.0/16', nexthop: '10.0.0.77' }],
  raMode: null,
  addressMode: null,
  metadataIp: '10.0.0.2',
};
const subnet6: SubnetFacts = {
  ...subnet,
  id: 'sub6',
  version: 6,
  cidr: 'fd00:b::/64',
  gatewayIp: 'fd00:b::1',
  dnsServers: ['fd00::53'],
  hostRoutes: [],
  raMode: 'dhcpv6-stateless',
  addressMode: 'dhcpv6-stateless',
  metadataIp: null,
};
const publicSubnet: SubnetFacts = {
  ...subnet,
  id: 'pub4',
  network: outside,
  cidr: '192.0.2.0/24',
  gatewayIp: '192.0.2.1',
  dhcp: false,
  dnsServers: [],
  hostRoutes: [],
  metadataIp: null,
};
const port: PortFacts = {
  id: 'port',
  name: 'eth',
  projectId: 'project',
  network: overlay,
  mac: 'fa:16:3e:00:00:05',
  adminUp: true,
  deviceId: 'server',
  deviceOwner: 'compute:nova',
  host: 'h1',
  furtherHosts: [],
  status: 'DOWN',
  fixedIps: [
    { ip: '10.0.0.5', subnet },
    { ip: 'fd00:b::5', subnet: subnet6 },
  ],
  portSecurity: true,
  allowedPairs: [],
  groupIds: ['11111111-0000-4000-8000-000000000001'],
  dhcpOptions: [],
};
const router: RouterFacts = {
  id: 'router',
  name: 'edge',
  adminUp: true,
  snat: true,
  routes: [{ destination: '10.9.0.0/16', nexthop: '10.0.0.9' }],
  gateway: {
    ...port,
    id: 'gw',
    network: outside,
    mac: 'fa:16:3e:00:00:09',
    fixedIps: [{ ip: '192.0.2.9', subnet: publicSubnet }],
  },
  interfaces: [
    {
      ...port,
      id: 'leg',
      mac: 'fa:16:3e:00:00:01',
      fixedIps: [
        { ip: '10.0.0.1', subnet },
        { ip: 'fd00:b::1', subnet: subnet6 },
      ],
    },
  ],
};
const host = (name: string, change: Partial<ChassisFacts> = {}): ChassisFacts => ({
  name,
  physicalNetworks: ['physnet1'],
  alive: true,
  ...change,
});
const floatingIp: FloatingIpFacts = {
  id: 'fip',
  ip: '192.0.2.50',
  mac: 'fa:16:3e:00:00:50',
  status: 'DOWN',
  target: { routerId: 'router', portId: 'port', ip: '10.0.0.5', host: 'h1', serverId: 'server' },
};

const cases: Record<string, readonly SdnRow[]> = {
  networks: [
    ...networkRows(overlay),
    ...networkRows(outside),
    ...networkRows({ ...outside, id: 'flat', physical: { network: 'physnet1', vlan: null } }),
  ],
  subnets: [
    ...subnetRows(subnet),
    ...subnetRows(subnet6),
    ...subnetRows(publicSubnet),
    ...subnetRows({
      ...subnet,
      id: 'alone',
      gatewayIp: null,
      hostRoutes: [],
      dnsServers: ['9.9.9.9'],
    }),
    ...subnetRows({
      ...subnet6,
      id: 'stateful',
      raMode: 'dhcpv6-stateful',
      addressMode: 'dhcpv6-stateful',
    }),
    ...subnetRows({ ...subnet6, id: 'slaac', raMode: 'slaac', addressMode: 'slaac' }),
  ],
  ports: [
    ...portRows(port),
    ...portRows({ ...port, id: 'open', portSecurity: false }),
    ...portRows({ ...port, id: 'down', adminUp: false, host: '', fixedIps: [], groupIds: [] }),
    ...portRows({
      ...port,
      id: 'pairs',
      allowedPairs: [
        { mac: port.mac, ip: '10.0.0.200' },
        { mac: 'fa:16:3e:00:00:99', ip: '10.0.0.201/32' },
      ],
    }),
    ...portRows({
      ...port,
      id: 'wishes',
      dhcpOptions: [
        { version: 4, name: 'mtu', value: '1300' },
        { version: 4, name: 'domain-name', value: 'lab' },
        { version: 4, name: 'unknown-thing', value: 'x' },
      ],
    }),
    ...portRows({ ...port, id: 'moving', furtherHosts: ['h2'] }),
    ...portRows({ ...port, id: 'leg', deviceOwner: 'network:router_interface' }),
    ...portRows({ ...port, id: 'gw', deviceOwner: 'network:router_gateway' }),
    ...portRows({ ...port, id: 'metadata', deviceOwner: 'network:distributed' }),
    ...portRows({ ...port, id: 'floating', deviceOwner: 'network:floatingip' }),
  ],
  routers: [
    ...routerRows(router, [host('h1')]),
    ...routerRows(
      { ...router, id: 'inner', gateway: null, snat: false, routes: [], adminUp: false },
      [host('h1')],
    ),
    ...floatingIpRows(floatingIp),
  ],
};

describe("Neutron's objects as northbound rows", () => {
  for (const [name, rows] of Object.entries(cases)) {
    it(`${name} are as in their golden file`, async () => {
      const file = new URL(`rows.golden/${name}.json`, import.meta.url);
      const text = `${JSON.stringify(rows, null, 1)}\n`;
      if (process.env['UPDATE']) await writeFile(file, text);
      assert.equal(text, await readFile(file, 'utf8'));
    });
  }

  it('a rule is a match', () => {
    const rule: RuleFacts = {
      id: 'r',
      direction: 'ingress',
      version: 4,
      protocol: null,
      portMin: null,
      portMax: null,
      remoteGroupId: null,
      remoteCidr: null,
    };
    const match = (change: Partial<RuleFacts>): string => matchOf('a-b', { ...rule, ...change });
    assert.equal(match({}), 'outport == @pg_a_b && ip4');
    assert.equal(match({ direction: 'egress', version: 6 }), 'inport == @pg_a_b && ip6');
    assert.equal(match({ remoteCidr: '0.0.0.0/0' }), 'outport == @pg_a_b && ip4');
    assert.equal(
      match({ remoteCidr: '10.0.0.0/8', protocol: 'tcp', portMin: 80, portMax: 80 }),
      'outport == @pg_a_b && ip4 && ip4.src == 10.0.0.0/8 && tcp && tcp.dst == 80',
    );
    assert.equal(
      match({ direction: 'egress', remoteGroupId: 'c-d', protocol: '17', portMin: 1, portMax: 9 }),
      'inport == @pg_a_b && ip4 && ip4.dst == $pg_c_d_ip4 && udp && udp.dst >= 1 && udp.dst <= 9',
    );
    assert.equal(
      match({ protocol: 'icmp', portMin: 8, portMax: 0 }),
      'outport == @pg_a_b && ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0',
    );
    assert.equal(match({ version: 6, protocol: 'icmp' }), 'outport == @pg_a_b && ip6 && icmp6');
    assert.equal(
      match({ version: 6, protocol: 'ipv6-icmp', portMin: 128 }),
      'outport == @pg_a_b && ip6 && icmp6 && icmp6.type == 128',
    );
    assert.equal(match({ protocol: 'vrrp' }), 'outport == @pg_a_b && ip4 && ip.proto == 112');
    assert.equal(match({ protocol: 'GRE' }), 'outport == @pg_a_b && ip4 && ip.proto == 47');
    for (const protocol of ['any', '0', 'ip', 'hopopt'])
      assert.equal(match({ protocol }), 'outport == @pg_a_b && ip4');
    assert.equal(
      match({ protocol: 'sctp', portMin: 5, portMax: 5 }),
      'outport == @pg_a_b && ip4 && sctp && sctp.dst == 5',
    );
    const [group] = groupRows({ id: 'a-b', name: 'web', stateful: false, rules: [rule] }).slice(1);
    assert.equal(group?.table === 'ACL' && group.columns.action, 'allow-stateless');
  });

  it('a port that wants no DHCP gets none', () => {
    assert.deepEqual(
      portDhcp({ ...port, dhcpOptions: [{ version: 4, name: 'dhcp_disabled', value: 'true' }] }),
      { rows: [], v4: null, v6: 'subnet/sub6' },
    );
  });

  it("no value of a tenant's becomes an action of a flow", () => {
    const values = ['1400); output', '{1.2.3.4}; next', 'a = b', 'x"y'];
    const [row] = portDhcp({
      ...port,
      dhcpOptions: [
        ...values.map((value) => ({ version: 4 as const, name: 'mtu', value })),
        { version: 4, name: 'domain-name', value: 'lab\\", router = 6.6.6.6\n' },
      ],
    }).rows;
    assert.ok(row?.table === 'DHCP_Options');
    assert.equal(row.columns.options?.['mtu'], '1442');
    assert.equal(row.columns.options?.['domain_name'], '"lab, router = 6.6.6.6"');
  });

  it('a floating IP of a port without a host is translated at the gateway, one that leads nowhere not at all', () => {
    const [row] = floatingIpRows({
      ...floatingIp,
      target: { routerId: 'router', portId: 'port', ip: '10.0.0.5', host: '', serverId: null },
    });
    assert.ok(
      row?.table === 'NAT' &&
        row.columns.logical_port === null &&
        row.columns.external_mac === null,
    );
    assert.deepEqual(floatingIpRows({ ...floatingIp, target: null }), []);
  });

  it("gateways are on live hosts that reach the outside, at most five, in an order of the router's own", () => {
    const gateway = router.gateway as NonNullable<RouterFacts['gateway']>; // given above
    const hosts = Array.from({ length: 8 }, (_, at) => host(`h${at}`));
    const chosen = carriers(router, gateway, hosts);
    assert.equal(chosen.length, 5);
    assert.deepEqual(carriers(router, gateway, [...hosts].toReversed()), chosen);
    assert.ok(
      new Set(['a', 'b', 'c', 'd', 'e', 'f'].map((id) => carriers({ id }, gateway, hosts)[0]))
        .size > 1,
      'routers spread',
    );
    const without = carriers(
      router,
      gateway,
      hosts.map((each) => (each.name === chosen[0] ? { ...each, alive: false } : each)),
    );
    assert.deepEqual(without.slice(0, 4), chosen.slice(1), 'the others stay in their order');
    assert.deepEqual(
      carriers(router, gateway, [host('h1', { physicalNetworks: [] }), host('h2')]),
      ['h2'],
    );
    assert.deepEqual(
      carriers(router, gateway, [host('h1', { alive: false })]),
      ['h1'],
      'the last one is kept: it may only be unheard',
    );
  });
});
