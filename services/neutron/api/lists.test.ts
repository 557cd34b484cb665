// What all kinds of objects have in common: filters, fields, sorting, pages, tags, revisions; also
// agents, quotas and extensions.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { agentRow, startNeutron } from './neutron-api.testing.ts';

const neutron = await startNeutron();
const { ask, sure } = neutron;
let network: Loose;
let subnet: Loose;
const ports: Loose[] = [];
before(async () => {
  network = await sure('member', 'POST', 'networks', { network: { name: 'net' } });
  subnet = await sure('member', 'POST', 'subnets', {
    subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
  });
  for (const [index, name] of ['c', 'a', 'b', 'a', ''].entries()) {
    neutron.clock.nowMs += 1000;
    ports.push(
      await sure('member', 'POST', 'ports', {
        port: {
          network_id: network.id,
          name,
          description: `number ${index}`,
          admin_state_up: index !== 2,
          fixed_ips: [{ ip_address: `10.0.0.${index + 10}` }],
        },
      }),
    );
  }
});
after(async () => await neutron.close());
const names = async (query: string): Promise<string[]> =>
  (await sure('member', 'GET', `ports?${query}`)).map(({ name }: Loose) => name);
const isRefused = async (path: string): Promise<void> => {
  const answer = await ask('member', 'GET', path);
  assert.deepEqual([answer.status, answer.body.NeutronError?.type], [400, 'HTTPBadRequest'], path);
};

describe('a filter', () => {
  it('may name any attribute; several values are an or, several attributes an and', async () => {
    assert.deepEqual((await names('name=a&name=b')).sort(), ['a', 'a', 'b']);
    assert.deepEqual(await names('name=a&name=b&admin_state_up=false'), ['b']);
    assert.deepEqual(await names('description=number 0'), ['c']);
    assert.deepEqual(
      await names(`id=${ports[1].id}&mac_address=${ports[1].mac_address.toUpperCase()}`),
      ['a'],
    );
    assert.equal((await names('tenant_id=project-a&status=DOWN')).length, 5);
    assert.deepEqual(await names('project_id=project-b'), []);
  });
  it('with an empty value finds what is empty', async () =>
    assert.deepEqual(await names('name='), ['']));
  it('finds ports by address, part of an address and subnet', async () => {
    assert.deepEqual(await names('fixed_ips=ip_address%3D10.0.0.12'), ['b']);
    assert.deepEqual(
      (await names('fixed_ips=ip_address%3D10.0.0.12&fixed_ips=ip_address%3D10.0.0.10')).sort(),
      ['b', 'c'],
    );
    assert.deepEqual(await names('fixed_ips=ip_address_substr%3D0.13'), ['a']);
    assert.equal((await names(`fixed_ips=subnet_id%3D${subnet.id}`)).length, 5);
  });
  it('by what is no attribute is refused', async () => {
    for (const path of [
      'ports?colour=red',
      'networks?constructor=1',
      'ports?limit=-1',
      'ports?limit=many',
      'ports?sort_key=colour',
      'ports?sort_key=name&sort_dir=up',
      'ports?sort_key=name&sort_key=id&sort_dir=asc',
    ])
      await isRefused(path);
  });
  it('tells a member nothing by an attribute that only operators see', async () => {
    assert.equal((await sure('member', 'GET', 'networks?provider:network_type=vlan')).length, 1);
    assert.equal((await sure('admin', 'GET', 'networks?provider:network_type=vlan')).length, 0);
    await isRefused('networks?sort_key=provider:segmentation_id');
  });
});

it('fields are exactly those asked for', async () => {
  assert.deepEqual(
    await sure('member', 'GET', 'ports?name=b&fields=name&fields=admin_state_up&fields=colour'),
    [{ name: 'b', admin_state_up: false }],
  );
  assert.deepEqual(await sure('member', 'GET', `networks/${network.id}?fields=name`), {
    name: 'net',
  });
});

describe('a page', () => {
  it('is in the order asked for', async () => {
    assert.deepEqual(await names('sort_key=name&sort_dir=asc'), ['', 'a', 'a', 'b', 'c']);
    assert.deepEqual(
      (
        await sure(
          'member',
          'GET',
          'ports?sort_key=name&sort_dir=desc&sort_key=created_at&sort_dir=asc&fields=description',
        )
      ).map(({ description }: Loose) => description),
      ['number 0', 'number 2', 'number 1', 'number 3', 'number 4'],
    );
  });
  it('leads to the next one until an empty one, and back', async () => {
    const portNames: string[] = [];
    let path = 'ports?limit=2&sort_key=name&sort_dir=asc';
    const walk = async (rel: string): Promise<string | undefined> => {
      const { body } = await ask('member', 'GET', path);
      portNames.push(body.ports.map(({ name }: Loose) => name).join());
      return body.ports_links
        .find((link: Loose) => link.rel === rel)
        ?.href.replace('http://cloud/network/v2.0/', '');
    };
    for (let next: string | undefined = path; next !== undefined; next = await walk('next'))
      path = next;
    assert.deepEqual(portNames, [',a', 'a,b', 'c']);
    portNames.length = 0;
    for (let back: string | undefined = path; back !== undefined; back = await walk('previous'))
      path = back;
    assert.deepEqual(portNames, ['c', 'a,b', ',a', '']);
  });
  it('of limit 0 has everything and no links', async () => {
    const { body } = await ask('member', 'GET', 'ports?limit=0');
    assert.deepEqual([body.ports.length, 'ports_links' in body], [5, false]);
  });
});

it('a list shows each change at once, to each viewer what is for them', async () => {
  const [before] = await sure('member', 'GET', `ports?id=${ports[0].id}`);
  const [portForAdmin] = await sure('admin', 'GET', `ports?id=${ports[0].id}`);
  assert.deepEqual(['binding:host_id' in before, 'binding:host_id' in portForAdmin], [false, true]);
  await sure('service', 'PUT', `ports/${ports[0].id}`, {
    port: { 'binding:host_id': 'h2', name: 'moved' },
  });
  assert.equal((await sure('member', 'GET', `ports?id=${ports[0].id}`))[0].name, 'moved');
  assert.equal((await sure('admin', 'GET', `ports?id=${ports[0].id}`))[0]['binding:host_id'], 'h2');
  await sure('member', 'PUT', `ports/${ports[0].id}`, { port: { name: 'c' } });
});

describe('tags', () => {
  const of = (kind: string): string => `${kind}/${network.id}/tags`;
  it('are set, looked at, replaced and removed', async () => {
    assert.equal((await ask('member', 'PUT', `${of('networks')}/red`)).status, 201);
    assert.equal((await ask('member', 'PUT', `${of('networks')}/red`)).status, 201);
    assert.equal((await ask('member', 'GET', `${of('networks')}/red`)).status, 204);
    assert.deepEqual(
      await sure('member', 'PUT', of('networks'), { tags: ['blue', 'green', 'blue'] }),
      ['blue', 'green'],
    );
    const answer = await ask('member', 'GET', `${of('networks')}/red`);
    assert.deepEqual([answer.status, answer.body.NeutronError.type], [404, 'TagNotFound']);
    assert.deepEqual(await sure('member', 'GET', of('networks')), ['blue', 'green']);
    assert.equal((await ask('member', 'DELETE', `${of('networks')}/green`)).status, 204);
    assert.equal((await ask('member', 'DELETE', of('networks'))).status, 204);
    assert.deepEqual((await sure('member', 'GET', `networks/${network.id}`)).tags, []);
    assert.equal(
      (await ask('member', 'PUT', of('networks'), { tags: ['with,comma'] })).status,
      400,
    );
  });
  it('filter: all of them, any of them, and the contrary', async () => {
    await sure('member', 'PUT', `ports/${ports[0].id}/tags`, { tags: ['red', 'blue'] });
    await sure('member', 'PUT', `ports/${ports[2].id}/tags`, { tags: ['red'] });
    assert.deepEqual(
      [
        await names('tags=red,blue'),
        (await names('tags-any=red,blue')).sort(),
        (await names('not-tags-any=red')).sort(),
        (await names('not-tags=red,blue')).length,
      ],
      [['c'], ['b', 'c'], ['', 'a', 'a'], 4],
    );
  });
});

describe('If-Match', () => {
  const change = async (match: string) =>
    await ask(
      'member',
      'PUT',
      `subnets/${subnet.id}`,
      { subnet: { description: 'x' } },
      { 'if-match': match },
    );
  it('lets a change pass at the revision it names, and at no other', async () => {
    const { revision_number: now } = await sure('member', 'GET', `subnets/${subnet.id}`);
    assert.equal((await change(`revision_number=${now}`)).status, 200);
    const late = await change(`revision_number=${now}`);
    assert.deepEqual(
      [late.status, late.body.NeutronError.type],
      [412, 'RevisionNumberConstraintFailed'],
    );
    assert.equal((await change('*')).status, 400);
    assert.equal(
      (
        await ask('member', 'DELETE', `ports/${ports[4].id}`, undefined, {
          'if-match': 'revision_number=99',
        })
      ).status,
      412,
    );
  });
});

describe('quotas', () => {
  it("are the defaults, then one's own, then the defaults again", async () => {
    const usual = await sure('member', 'GET', 'quotas/project-a');
    assert.deepEqual(usual, {
      floatingip: 50,
      network: 100,
      port: 500,
      router: 10,
      security_group: 10,
      security_group_rule: 100,
      subnet: 100,
      subnetpool: -1,
    });
    assert.equal(
      (await ask('member', 'PUT', 'quotas/project-a', { quota: { network: 9 } })).status,
      403,
    );
    assert.equal(
      (await ask('admin', 'PUT', 'quotas/project-a', { quota: { cows: 9 } })).status,
      400,
    );
    assert.equal(
      (await ask('admin', 'PUT', 'quotas/project-a', { quota: { network: -2 } })).status,
      400,
    );
    assert.equal(
      (await sure('admin', 'PUT', 'quotas/project-a', { quota: { network: 9, port: -1 } })).network,
      9,
    );
    assert.deepEqual(
      (await sure('admin', 'GET', 'quotas')).map((quota: Loose) => [
        quota.project_id,
        quota.network,
      ]),
      [['project-a', 9]],
    );
    assert.deepEqual(await sure('member', 'GET', 'quotas/project-a/default'), usual);
    assert.deepEqual((await sure('member', 'GET', 'quotas/project-a/details.json')).network, {
      limit: 9,
      used: 1,
      reserved: 0,
    });
    assert.equal((await ask('admin', 'DELETE', 'quotas/project-a')).status, 204);
    assert.deepEqual(await sure('member', 'GET', 'quotas/project-a'), usual);
    assert.deepEqual(
      (await ask('admin', 'DELETE', 'quotas/project-a')).body.NeutronError.type,
      'TenantQuotaNotFound',
    );
    assert.equal((await ask('other', 'GET', 'quotas/project-a')).status, 403);
    assert.deepEqual(await sure('member', 'GET', 'quotas/tenant'), { tenant_id: 'project-a' });
  });
});

describe('agents', () => {
  it('are alive as long as they report, and hidden from members', async () => {
    await neutron.deps.database.db
      .insertInto('agents')
      .values(agentRow({ id: 'a1', host: 'h1', heartbeat_at_ms: neutron.clock.nowMs }))
      .execute();
    const [agent] = await sure('admin', 'GET', 'agents?host=h1');
    assert.deepEqual(
      [agent.alive, agent.admin_state_up, agent.created_at],
      [true, true, '2026-11-22 12:00:00'],
    );
    assert.deepEqual(
      [await sure('member', 'GET', 'agents'), (await ask('member', 'GET', 'agents/a1')).status],
      [[], 403],
    );
    assert.deepEqual((await ask('admin', 'DELETE', 'agents/a1')).status, 409);
    await neutron.deps.database.db
      .insertInto('agents')
      .values(agentRow({ id: 'a2', host: 'h2', heartbeat_at_ms: neutron.clock.nowMs }))
      .execute();
    await sure('admin', 'PUT', 'agents/a2', { agent: { admin_state_up: false } });
    assert.equal(
      (await ask('admin', 'DELETE', 'agents/a2')).status,
      204,
      'one that was disabled goes, also while it runs',
    );
    neutron.clock.nowMs += 80_000;
    assert.equal((await sure('admin', 'GET', 'agents/a1')).alive, false);
    assert.deepEqual(await sure('admin', 'GET', 'agents?alive=true'), []);
    assert.equal(
      (
        await sure('admin', 'PUT', 'agents/a1', {
          agent: { admin_state_up: false, description: 'old' },
        })
      ).admin_state_up,
      false,
    );
    assert.deepEqual(
      [
        (await ask('admin', 'DELETE', 'agents/a1')).status,
        (await ask('admin', 'GET', 'agents/a1')).body.NeutronError.type,
      ],
      [204, 'AgentNotFound'],
    );
  });
});

describe('the cloud', () => {
  it('tells its extensions, and none that it has not', async () => {
    const extensions: Loose[] = await sure('member', 'GET', 'extensions');
    const aliases = extensions.map(({ alias }) => alias);
    for (const has of [
      'router',
      'security-group',
      'external-net',
      'quotas',
      'binding',
      'provider',
      'agent',
      'standard-attr-tag',
      'revision-if-match',
    ])
      assert.ok(aliases.includes(has), has);
    for (const none of [
      'qos',
      'trunk',
      'rbac-policies',
      'address-scope',
      'address-group',
      'floating-ip-port-forwarding',
      'segment',
      'dvr',
      'l3-ha',
      'dhcp_agent_scheduler',
      'l3_agent_scheduler',
      'metering',
      'vlan-transparent',
    ])
      assert.ok(!aliases.includes(none), none);
    assert.deepEqual(
      await sure('member', 'GET', 'extensions/router'),
      extensions.find(({ alias }) => alias === 'router'),
    );
    assert.equal((await ask('member', 'GET', 'extensions/trunk')).status, 404);
  });
  it('tells zones and service providers', async () => {
    assert.deepEqual(await sure('member', 'GET', 'availability_zones?resource=network'), [
      { name: 'nova', resource: 'network', state: 'available' },
    ]);
    assert.equal((await sure('member', 'GET', 'service-providers'))[0].default, true);
  });
  it('counts addresses for operators', async () => {
    const [use] = await sure('admin', 'GET', `network-ip-availabilities?network_id=${network.id}`);
    assert.deepEqual(
      [use.total_ips, use.used_ips, use.subnet_ip_availability[0].cidr],
      [253, 6, '10.0.0.0/24'],
    );
    assert.deepEqual(await sure('admin', 'GET', `network-ip-availabilities/${network.id}`), use);
  });
  it('has version documents with links that lead there', async () => {
    const root = await neutron.dispatcher.handle({
      method: 'GET',
      path: '/network/',
      query: '',
      headers: {},
      body: null,
      origin: 'http://cloud',
    });
    assert.deepEqual(root.body, {
      versions: [
        {
          id: 'v2.0',
          status: 'CURRENT',
          links: [{ rel: 'self', href: 'http://cloud/network/v2.0/' }],
        },
      ],
    });
    const resources: Loose[] = await sure('member', 'GET', '');
    for (const {
      name,
      collection,
      links: [{ href }],
    } of resources) {
      const path = href.replace('http://cloud/network/v2.0/', '');
      assert.equal(Object.keys((await ask('member', 'GET', path)).body)[0], collection, name);
    }
  });
});

describe('subnet pools', () => {
  it('give out prefixes that do not overlap, of the usual length or another', async () => {
    const pool = await sure('member', 'POST', 'subnetpools', {
      subnetpool: {
        name: 'p',
        prefixes: ['10.64.0.0/16'],
        default_prefixlen: 24,
        min_prefixlen: 20,
      },
    });
    assert.deepEqual(
      [
        pool.prefixes,
        pool.default_prefixlen,
        pool.min_prefixlen,
        pool.max_prefixlen,
        pool.ip_version,
        pool.shared,
      ],
      [['10.64.0.0/16'], 24, 20, 32, 4, false],
    );
    const cut = async (fields: Record<string, Loose>) =>
      await ask('member', 'POST', 'subnets', {
        subnet: { network_id: network.id, subnetpool_id: pool.id, ...fields },
      });
    assert.deepEqual((await cut({})).body.subnet.cidr, '10.64.0.0/24');
    assert.deepEqual(
      (await cut({ prefixlen: 26, ip_version: 4 })).body.subnet.cidr,
      '10.64.1.0/26',
    );
    assert.deepEqual((await cut({ cidr: '10.64.16.0/20' })).body.subnet.gateway_ip, '10.64.16.1');
    for (const [fields, status, type] of [
      [{ prefixlen: 16 }, 400, 'MinPrefixSubnetAllocationError'],
      [{ cidr: '10.64.1.0/24' }, 503, 'SubnetAllocationError'],
      [{ cidr: '10.0.0.0/24', prefixlen: 24 }, 400, 'BadRequest'],
    ] as const) {
      const refused = await cut(fields);
      assert.deepEqual([refused.status, refused.body.NeutronError.type], [status, type]);
    }
    const refusal = await ask('member', 'DELETE', `subnetpools/${pool.id}`);
    assert.deepEqual(
      [refusal.status, refusal.body.NeutronError.type],
      [400, 'SubnetPoolDeleteError'],
    );
    assert.deepEqual(
      (
        await sure('member', 'PUT', `subnetpools/${pool.id}`, {
          subnetpool: { prefixes: ['10.65.0.0/16', '10.64.0.0/16'] },
        })
      ).prefixes,
      ['10.64.0.0/15'],
    );
    assert.equal(
      (
        await ask('member', 'PUT', `subnetpools/${pool.id}`, {
          subnetpool: { prefixes: ['10.65.0.0/16'] },
        })
      ).status,
      400,
      'it never shrinks',
    );
  });
  it('shared and default ones are for everybody', async () => {
    const pool = await sure('admin', 'POST', 'subnetpools', {
      subnetpool: {
        name: 'shared',
        prefixes: ['10.80.0.0/16'],
        default_prefixlen: 24,
        shared: true,
        is_default: true,
      },
    });
    assert.equal((await sure('other', 'GET', `subnetpools/${pool.id}`)).shared, true);
    const net = await sure('other', 'POST', 'networks', { network: {} });
    assert.equal(
      (
        await sure('other', 'POST', 'subnets', {
          subnet: { network_id: net.id, ip_version: 4, use_default_subnetpool: true },
        })
      ).cidr,
      '10.80.0.0/24',
    );
    assert.equal(
      (await ask('other', 'PUT', `subnetpools/${pool.id}`, { subnetpool: { name: 'mine' } }))
        .status,
      403,
    );
  });
});
