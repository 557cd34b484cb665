// Filters of Neutron's lists, one row per filter: which objects it finds, or whether it is ignored
// or refused (the extension `filter-validation` is on). api-ref network v2, "Filtering and Column
// Selection"; neutron.api.api_common
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import type { NeutronFixture, Person } from './neutron-api.testing.ts';
import { agentRow, startMs, startNeutron } from './neutron-api.testing.ts';

let neutron: NeutronFixture;
/** Ids of created objects by a word; queries refer to one as `{word}`. */
const ids: Record<string, string> = {};
before(async () => {
  neutron = await startNeutron();
  const make = async (
    who: Person,
    word: string,
    collection: string,
    key: string,
    body: Loose,
  ): Promise<Loose> => {
    neutron.clock.nowMs += 1_000;
    const object = await neutron.sure(who, 'POST', collection, { [key]: body });
    ids[word] = object.id;
    return object;
  };
  const tag = async (collection: string, word: string, tags: string[]) =>
    await neutron.sure('member', 'PUT', `${collection}/${ids[word]}/tags`, { tags });
  await make('member', 'net', 'networks', 'network', {
    name: 'n1',
    description: 'first',
    mtu: 1400,
  });
  await make('member', 'net2', 'networks', 'network', {
    name: 'n2',
    admin_state_up: false,
    port_security_enabled: false,
  });
  await make('admin', 'ext', 'networks', 'network', { name: 'ext', 'router:external': true });
  await make('member', 'pool', 'subnetpools', 'subnetpool', {
    name: 'pool1',
    prefixes: ['10.64.0.0/16'],
    default_prefixlen: 24,
    min_prefixlen: 20,
  });
  await make('admin', 'shared', 'subnetpools', 'subnetpool', {
    name: 'pool2',
    prefixes: ['fd00::/48'],
    default_prefixlen: 64,
    shared: true,
    is_default: true,
  });
  await make('member', 'sub', 'subnets', 'subnet', {
    name: 'v4',
    network_id: ids['net'],
    ip_version: 4,
    cidr: '10.0.0.0/24',
    dns_nameservers: ['9.9.9.9'],
  });
  await make('member', 'sub6', 'subnets', 'subnet', {
    name: 'v6',
    network_id: ids['net'],
    ip_version: 6,
    cidr: 'fd01::/64',
    enable_dhcp: false,
    gateway_ip: null,
  });
  await make('admin', 'esub', 'subnets', 'subnet', {
    name: 'e',
    network_id: ids['ext'],
    ip_version: 4,
    cidr: '192.0.2.0/24',
  });
  await make('member', 'group', 'security-groups', 'security_group', {
    name: 'web',
    stateful: false,
  });
  const rule = { security_group_id: ids['group'], direction: 'ingress' };
  await make('member', 'ruleA', 'security-group-rules', 'security_group_rule', {
    ...rule,
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 23,
    remote_ip_prefix: '10.0.0.0/8',
  });
  await make('member', 'ruleB', 'security-group-rules', 'security_group_rule', {
    ...rule,
    ethertype: 'IPv6',
    remote_group_id: ids['group'],
  });
  const port = { network_id: ids['net'], admin_state_up: true };
  await make('member', 'p1', 'ports', 'port', {
    ...port,
    name: 'p1',
    device_id: 'vm-1',
    device_owner: 'compute:nova',
    fixed_ips: [{ ip_address: '10.0.0.10' }],
    mac_address: 'fa:16:3e:00:00:01',
  });
  await make('member', 'p2', 'ports', 'port', {
    ...port,
    name: 'p2',
    admin_state_up: false,
    security_groups: [ids['group']],
    fixed_ips: [{ ip_address: '10.0.0.110' }, { ip_address: 'fd01::10' }],
  });
  await make('member', 'p3', 'ports', 'port', { ...port, name: '', network_id: ids['net2'] });
  await make('member', 'r1', 'routers', 'router', {
    name: 'r1',
    external_gateway_info: { network_id: ids['ext'] },
  });
  await make('member', 'r2', 'routers', 'router', { name: 'r2', admin_state_up: false });
  await neutron.sure('member', 'PUT', `routers/${ids['r1']}/add_router_interface`, {
    subnet_id: ids['sub'],
  });
  await make('member', 'f1', 'floatingips', 'floatingip', {
    floating_network_id: ids['ext'],
    port_id: ids['p1'],
    description: 'one',
  });
  ids['fip'] = (
    await neutron.sure('member', 'GET', `floatingips/${ids['f1']}`)
  ).floating_ip_address;
  await make('member', 'f2', 'floatingips', 'floatingip', { floating_network_id: ids['ext'] });
  for (const [collection, first, second] of [
    ['networks', 'net', 'net2'],
    ['subnets', 'sub', 'sub6'],
    ['ports', 'p1', 'p2'],
    ['routers', 'r1', 'r2'],
    ['floatingips', 'f1', 'f2'],
  ] as const) {
    await tag(collection, first, ['red', 'blue']);
    await tag(collection, second, ['red']);
  }
  const availability_zone = 'az-1';
  await neutron.deps.database.db
    .insertInto('agents')
    .values([
      agentRow({ id: 'a1', host: 'h1', availability_zone, heartbeat_at_ms: neutron.clock.nowMs }),
      agentRow({
        id: 'a2',
        host: 'h2',
        availability_zone,
        admin_state_up: 0,
        heartbeat_at_ms: startMs - 1_000_000,
      }),
    ])
    .execute();
});
after(async () => await neutron.close());

const words = (): Map<string, string> =>
  new Map(Object.entries(ids).map(([word, id]) => [id, word]));
const filled = (query: string): string =>
  query.replaceAll(/\{(\w+)\}/g, (_, word: string) => ids[word] ?? word);

type Found = string | number;
/**
 * A query, and what a member gets: the words of the found objects in alphabetical order (only
 * objects that this test created), or the status of a refusal.
 */
const holdsFor = (
  path: string,
  cases: readonly (readonly [string, Found])[],
  who: Person = 'member',
): unknown =>
  describe(`${path} for ${who}`, () => {
    for (const [query, wanted] of cases) {
      it(query, async () => {
        const { status, body } = await neutron.ask(who, 'GET', `${path}?${filled(query)}`);
        const items: Loose[] = status === 200 ? body[path.replaceAll('-', '_')] : [];
        assert.equal(
          status === 200
            ? items
                .flatMap(({ id }) => words().get(id) ?? [])
                .sort()
                .join(' ')
            : status,
          wanted,
        );
      });
    }
  });
const alike = (first: string, second: string, others: string): (readonly [string, Found])[] => {
  const all = [first, second, ...others.split(' ')].filter(Boolean);
  const join = (...some: string[]): string => some.toSorted().join(' ');
  const without = (...some: string[]): string =>
    join(...all.filter((word) => !some.includes(word)));
  return [
    [`id={${first}}`, first],
    [`id={${first}}&id={${second}}`, join(first, second)],
    ['id=none-such', ''],
    ['project_id=none-such', ''],
    ['tenant_id=none-such', ''],
    ['revision_number=-1', ''],
    ['revision_number=x', ''],
    ['tags=red', join(first, second)],
    ['tags=red,blue', first],
    ['tags=red&tags=blue', first],
    ['tags-any=blue,none', first],
    ['not-tags=red,blue', without(first)],
    ['not-tags-any=red', without(first, second)],
    ['tags=none', ''],
    ['colour=red', 400],
    ['constructor=1', 400],
    ['limit=-1', 400],
    ['limit=x', 400],
    ['limit=0', join(...all)],
    ['sort_key=colour&sort_dir=asc', 400],
    ['sort_key=id&sort_dir=up', 400],
    ['sort_key=id&sort_key=project_id&sort_dir=asc', 400],
    ['limit=1&marker=none-such', 404],
    ['marker=none-such', join(...all)],
    ['fields=id', join(...all)],
  ];
};

holdsFor('networks', [
  ...alike('net', 'net2', 'ext'),
  ['name=n1', 'net'],
  ['name=n1&name=n2', 'net net2'],
  ['name=n1&mtu=9', ''],
  ['name=', ''],
  ['description=first', 'net'],
  ['description=', 'ext net2'],
  ['admin_state_up=false', 'net2'],
  ['admin_state_up=TRUE', 'ext net'],
  ['admin_state_up=perhaps', 400],
  ['shared=false', 'ext net net2'],
  ['shared=1', ''],
  ['shared=perhaps', 400],
  ['router:external=true', 'ext'],
  ['router:external=0', 'net net2'],
  ['is_default=false', 'ext net net2'],
  ['mtu=1400', 'net'],
  ['port_security_enabled=false', 'net2'],
  ['status=ACTIVE', 'ext net net2'],
  ['status=DOWN', ''],
  ['subnets={sub}', 'net'],
  ['dns_domain=x', ''],
  ['availability_zone_hints=nova', ''],
  ['availability_zones=nova', 400],
  ['project_id=project-a', 'net net2'],
  ['tenant_id=project-a', 'net net2'],
  ['provider:network_type=none-such', 'ext net net2'],
]);
holdsFor(
  'networks',
  [
    ['provider:network_type=none-such', ''],
    ['provider:segmentation_id=x', ''],
    ['project_id=project-a&project_id=project-admin', 'ext net net2'],
    ['provider:physical_network=none-such', ''],
  ],
  'admin',
);
holdsFor('subnets', [
  ...alike('sub', 'sub6', ''),
  ['name=v4', 'sub'],
  ['network_id={net}', 'sub sub6'],
  ['ip_version=6', 'sub6'],
  ['ip_version=4&ip_version=6', 'sub sub6'],
  ['cidr=10.0.0.0/24', 'sub'],
  ['gateway_ip=10.0.0.1', 'sub'],
  ['enable_dhcp=false', 'sub6'],
  ['enable_dhcp=perhaps', 400],
  ['dns_nameservers=9.9.9.9', 'sub'],
  ['shared=false', 'sub sub6'],
  ['shared=perhaps', 400],
  ['router:external=false', 'sub sub6'],
  ['subnetpool_id=none', ''],
  ['ipv6_ra_mode=slaac', ''],
  ['prefixlen=24', 400],
  ['use_default_subnetpool=true', 400],
]);
holdsFor('ports', [
  ...alike('p1', 'p2', 'p3').filter(
    ([query]) => !query.startsWith('not-') || query === 'not-tags-any=red',
  ),
  ['name=p1', 'p1'],
  ['name=', 'p3'],
  ['network_id={net2}', 'p3'],
  ['device_id=vm-1', 'p1'],
  ['device_owner=compute:nova', 'p1'],
  ['device_id=vm-1&device_owner=none', ''],
  ['mac_address=FA:16:3E:00:00:01', 'p1'],
  ['admin_state_up=false', 'p2'],
  ['admin_state_up=perhaps', 400],
  ['status=ACTIVE', ''],
  ['port_security_enabled=false', 'p3'],
  ['security_groups={group}', 'p2'],
  ['fixed_ips=ip_address%3D10.0.0.10', 'p1'],
  ['fixed_ips=ip_address%3D10.0.0.10&fixed_ips=ip_address%3D10.0.0.110', 'p1 p2'],
  ['fixed_ips=ip_address%3Dfd01:0::10', 'p2'],
  ['fixed_ips=subnet_id%3D{sub}', 'p1 p2'],
  ['fixed_ips=subnet_id%3D{sub6}', 'p2'],
  ['fixed_ips=subnet_id%3D{sub}&fixed_ips=ip_address%3D10.0.0.10', 'p1'],
  ['fixed_ips=ip_address_substr%3D0.1', 'p1 p2'],
  ['fixed_ips=ip_address_substr%3D110', 'p2'],
  ['fixed_ips=none', ''],
  ['dns_name=x', ''],
  ['ip_allocation=immediate', 'p1 p2 p3'],
  ['binding:vnic_type=normal', 'p1 p2 p3'],
  ['binding:vnic_type=direct', ''],
  ['dns_assignment=x', 400],
  ['binding:vif_details=x', 400],
]);
holdsFor(
  'ports',
  [
    ['binding:host_id=none', ''],
    ['binding:vif_type=unbound&name=p1', 'p1'],
  ],
  'admin',
);
holdsFor('routers', [
  ...alike('r1', 'r2', ''),
  ['name=r1', 'r1'],
  ['admin_state_up=0', 'r2'],
  ['admin_state_up=perhaps', 400],
  ['status=ACTIVE', 'r1 r2'],
  ['availability_zone_hints=x', ''],
  ['external_gateway_info=x', 400],
]);
holdsFor(
  'routers',
  [
    ['distributed=false', 'r1 r2'],
    ['distributed=true', ''],
    ['ha=perhaps', 400],
  ],
  'admin',
);
holdsFor('floatingips', [
  ...alike('f1', 'f2', ''),
  ['floating_network_id={ext}', 'f1 f2'],
  ['port_id={p1}', 'f1'],
  ['port_id=', 'f2'],
  ['fixed_ip_address=10.0.0.10', 'f1'],
  ['router_id={r1}', 'f1'],
  ['floating_ip_address={fip}', 'f1'],
  ['description=one', 'f1'],
  ['status=ERROR', ''],
  ['dns_name=x', ''],
  ['subnet_id=x', 400],
]);
holdsFor('security-groups', [
  ['name=web', 'group'],
  ['name=default', ''],
  ['stateful=false', 'group'],
  ['stateful=perhaps', 400],
  ['shared=false', 'group'],
  ['shared=true', ''],
  ['shared=perhaps', 400],
  ['security_group_rules=x', 400],
  ['colour=red', 400],
  ['id={group}', 'group'],
  ['project_id=project-b', ''],
]);
holdsFor('security-group-rules', [
  ['security_group_id={group}', 'ruleA ruleB'],
  ['direction=ingress&security_group_id={group}', 'ruleA ruleB'],
  ['ethertype=IPv6', 'ruleB'],
  ['protocol=tcp', 'ruleA'],
  ['protocol=udp', ''],
  ['port_range_min=22', 'ruleA'],
  ['port_range_max=22', ''],
  ['remote_ip_prefix=10.0.0.0/8', 'ruleA'],
  ['normalized_cidr=10.0.0.0/8', 'ruleA'],
  ['remote_group_id={group}', 'ruleB'],
  ['name=x', 400],
  ['tags=red', 400],
]);
holdsFor('subnetpools', [
  ['name=pool1', 'pool'],
  ['ip_version=6', 'shared'],
  ['shared=true', 'shared'],
  ['shared=perhaps', 400],
  ['is_default=false', 'pool'],
  ['default_prefixlen=24', 'pool'],
  ['min_prefixlen=20', 'pool'],
  ['max_prefixlen=128', 'shared'],
  ['prefixes=10.64.0.0/16', 'pool'],
  ['default_quota=', 'pool shared'],
  ['address_scope_id=x', 400],
  ['colour=red', 400],
]);

describe('few filters', () => {
  const cases: readonly (readonly [Person, string, Found])[] = [
    ['admin', 'agents?host=h1', 'a1'],
    ['admin', 'agents?host=h1&host=h2', 'a1 a2'],
    ['admin', 'agents?alive=true', 'a1'],
    ['admin', 'agents?alive=false', 'a2'],
    ['admin', 'agents?admin_state_up=False', 'a2'],
    ['admin', 'agents?agent_type=none', ''],
    ['admin', 'agents?binary=ovn-controller', 'a1 a2'],
    ['admin', 'agents?availability_zone=az-2', ''],
    ['admin', 'agents?colour=red', 400],
    ['admin', 'agents?constructor=1', 400],
    ['admin', 'agents?fields=id', 'a1 a2'],
    ['member', 'availability_zones?resource=router', 'nova az-1'],
    ['member', 'availability_zones?name=az-1&state=available', 'az-1 az-1'],
    ['member', 'availability_zones?state=unavailable', ''],
    ['member', 'availability_zones?colour=red', 400],
    ['admin', 'network-ip-availabilities?network_name=n1', 'n1'],
    ['admin', 'network-ip-availabilities?project_id=none', ''],
    ['admin', 'network-ip-availabilities?ip_version=6', 'n1'],
    ['admin', 'network-ip-availabilities?colour=red', 400],
    ['admin', 'quotas?colour=red', ''],
  ];
  for (const [who, path, wanted] of cases) {
    it(path, async () => {
      const { status, body } = await neutron.ask(who, 'GET', path);
      assert.equal(
        status === 200
          ? (Object.values(body)[0] as Loose[])
              .map((item) => item.id ?? item.name ?? item.network_name)
              .join(' ')
          : status,
        wanted,
      );
    });
  }
  it('extensions', async () =>
    assert.deepEqual(
      (await neutron.ask('member', 'GET', 'extensions?alias=router')).body,
      (await neutron.ask('member', 'GET', 'extensions')).body,
    ));
});

describe('orders and pages', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['sort_key=name&sort_dir=desc', 'p2,p1,'],
    ['sort_key=name&sort_dir=asc&limit=2', ',p1'],
    ['sort_key=name&sort_dir=asc&limit=2&marker={p1}', 'p2'],
    ['sort_key=name&sort_dir=asc&limit=1&marker={p2}&page_reverse=true', 'p1'],
    ['sort_key=name&sort_dir=asc&limit=1&marker={p2}&page_reverse=1', ''],
    ['sort_key=admin_state_up&sort_dir=desc&sort_key=name&sort_dir=asc', ',p1,p2'],
    ['sort_key=name&sort_dir=asc&marker={p1}', ',p1,p2'],
    ['sort_key=name&sort_dir=asc&limit=999999', ',p1,p2'],
  ];
  for (const [query, wanted] of cases) {
    it(query, async () => {
      const owned = `device_owner=compute:nova&device_owner=&${filled(query)}&fields=name`;
      assert.equal(
        (await neutron.ask('member', 'GET', `ports?${owned}`)).body.ports
          .map(({ name }: Loose) => name)
          .join(),
        wanted,
      );
    });
  }
});
