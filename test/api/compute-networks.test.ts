// Nova's proxy APIs of security groups, floating IPs and networks (until 2.35): Neutron's objects
// in the format of the first compute API.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json } from '#contracts/common/json.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { ApiCloud, Loose } from './api-cloud.ts';
import { startApiCloud } from './api-cloud.ts';

const at = (path: string): string => `/compute/v2.1/${path}`;

describe('networks by compute', () => {
  let cloud: ApiCloud;
  before(async () => {
    cloud = await startApiCloud();
  });
  after(async () => await cloud.stop());
  const make = async (name: string): Promise<Loose> =>
    (
      await cloud.sure(cloud.alice, 'POST', at('os-security-groups'), {
        security_group: { name, description: 'mine' },
      })
    ).security_group;
  const addRule = async (rule: Record<string, Json>): Promise<Loose> =>
    (
      await cloud.sure(cloud.alice, 'POST', at('os-security-group-rules'), {
        security_group_rule: rule,
      })
    ).security_group_rule;

  it('are security groups with their incoming rules', async () => {
    const [web, peers] = [await make(' web '), await make('peers')];
    assert.deepEqual(web, {
      id: web.id,
      name: ' web ',
      description: 'mine',
      tenant_id: cloud.alice.projectId,
      rules: [],
    });
    const { id, ...rule } = await addRule({
      parent_group_id: web.id,
      ip_protocol: 'TCP',
      from_port: '22',
      to_port: 22,
      cidr: '10.2.3.0/24',
    });
    assert.deepEqual(rule, {
      parent_group_id: web.id,
      ip_protocol: 'tcp',
      from_port: 22,
      to_port: 22,
      group: {},
      ip_range: { cidr: '10.2.3.0/24' },
    });
    const { id: pingId, ...ping } = await addRule({
      parent_group_id: web.id,
      ip_protocol: 'icmp',
      from_port: -1,
      to_port: -1,
      group_id: peers.id,
    });
    assert.deepEqual(ping, {
      parent_group_id: web.id,
      ip_protocol: 'icmp',
      from_port: -1,
      to_port: -1,
      group: { name: 'peers', tenant_id: cloud.alice.projectId },
      ip_range: {},
    });
    assert.deepEqual(
      (
        await cloud.sure(cloud.alice, 'GET', at(`os-security-groups/${web.id}`))
      ).security_group.rules
        .map((each: Loose) => each.id)
        .sort(),
      [id, pingId].sort(),
    );
    const again = await cloud.ask(cloud.alice, 'POST', at('os-security-group-rules'), {
      body: {
        security_group_rule: {
          parent_group_id: web.id,
          ip_protocol: 'icmp',
          from_port: -1,
          to_port: -1,
          group_id: peers.id,
        },
      },
    });
    assert.deepEqual([again.status, /already exists/.test(again.text)], [400, true]);
    assert.equal(
      (
        await cloud.sure(cloud.alice, 'PUT', at(`os-security-groups/${web.id}`), {
          security_group: { name: 'front', description: '' },
        })
      ).security_group.name,
      'front',
    );
    const names = async (who: 'alice' | 'bob' | 'admin', query = ''): Promise<string[]> =>
      (await cloud.sure(cloud[who], 'GET', at(`os-security-groups${query}`))).security_groups.map(
        (group: Loose) => group.name,
      );
    assert.deepEqual(
      [
        (await names('alice')).sort(),
        await names('bob', '?all_tenants=true'),
        (await names('admin', '?all_tenants=true')).includes('front'),
      ],
      [['default', 'front', 'peers'], ['default'], true],
    );
    assert.equal(
      (await cloud.ask(cloud.alice, 'DELETE', at(`os-security-group-rules/${id}`))).status,
      202,
    );
    for (const { id: deletedGroupId } of [peers, web])
      assert.equal(
        (await cloud.ask(cloud.alice, 'DELETE', at(`os-security-groups/${deletedGroupId}`))).status,
        202,
      );
    assert.deepEqual(await names('alice'), ['default']);
  });

  it('are one floating IP for an address of a server', async () => {
    const { sure, ask, alice } = cloud;
    const {
      networks: [outside],
    } = await sure(alice, 'GET', '/network/v2.0/networks?router:external=true');
    const { network } = await sure(alice, 'POST', '/network/v2.0/networks', {
      network: { name: 'inside' },
    });
    const { subnet } = await sure(alice, 'POST', '/network/v2.0/subnets', {
      subnet: { network_id: network.id, cidr: '10.7.0.0/24', ip_version: 4 },
    });
    const { router } = await sure(alice, 'POST', '/network/v2.0/routers', {
      router: { external_gateway_info: { network_id: outside.id } },
    });
    await sure(alice, 'PUT', `/network/v2.0/routers/${router.id}/add_router_interface`, {
      subnet_id: subnet.id,
    });
    const { server } = await sure(alice, 'POST', at('servers'), {
      server: {
        name: 'vm',
        flavorRef: '42',
        imageRef: cloud.imageId,
        networks: [{ uuid: network.id }],
      },
    });
    await eventually(
      async () => (await sure(alice, 'GET', at(`servers/${server.id}`))).server.status === 'ACTIVE',
      { withinMs: 20_000, what: 'the server is ACTIVE' },
    );
    const ips: Loose[] = [];
    for (let count = 0; count < 2; count += 1)
      ips.push((await sure(alice, 'POST', at('os-floating-ips'), {})).floating_ip);
    const give = async (ip: string): Promise<number> =>
      (
        await ask(alice, 'POST', at(`servers/${server.id}/action`), {
          body: { addFloatingIp: { address: ip } },
        })
      ).status;
    assert.deepEqual([await give(ips[0].ip), await give(ips[1].ip)], [202, 400]);
    const now = (await sure(alice, 'GET', at(`os-floating-ips/${ips[0].id}`))).floating_ip;
    assert.deepEqual([now.instance_id, now.fixed_ip.startsWith('10.7.0.')], [server.id, true]);
    assert.equal(
      (
        await ask(alice, 'POST', at(`servers/${server.id}/action`), {
          body: { removeFloatingIp: { address: ips[0].ip } },
        })
      ).status,
      202,
    );
    for (const { id } of ips)
      assert.equal((await ask(alice, 'DELETE', at(`os-floating-ips/${id}`))).status, 202);
  });

  it('are floating IPs of a pool, and the networks that the caller sees', async () => {
    const {
      floating_ip_pools: [pool],
    } = await cloud.sure(cloud.alice, 'GET', at('os-floating-ip-pools'));
    for (const body of [{}, { pool: pool.name }]) {
      const { floating_ip: floatingIp } = await cloud.sure(
        cloud.alice,
        'POST',
        at('os-floating-ips'),
        body,
      );
      assert.deepEqual(
        [floatingIp.pool, floatingIp.fixed_ip, floatingIp.instance_id],
        [pool.name, null, null],
      );
      assert.deepEqual((await cloud.sure(cloud.alice, 'GET', at('os-floating-ips'))).floating_ips, [
        floatingIp,
      ]);
      assert.deepEqual(
        (await cloud.sure(cloud.alice, 'GET', at(`os-floating-ips/${floatingIp.id}`))).floating_ip,
        floatingIp,
      );
      assert.equal(
        (await cloud.ask(cloud.alice, 'DELETE', at(`os-floating-ips/${floatingIp.id}`))).status,
        202,
      );
      assert.equal(
        (await cloud.ask(cloud.alice, 'DELETE', at(`os-floating-ips/${floatingIp.id}`))).status,
        404,
      );
    }
    assert.equal(
      (await cloud.ask(cloud.alice, 'POST', at('os-floating-ips'), { body: { pool: 'nothing' } }))
        .status,
      404,
    );
    for (const kind of ['os-networks', 'os-tenant-networks']) {
      const {
        networks: [network],
      } = await cloud.sure(cloud.alice, 'GET', at(kind));
      assert.deepEqual(
        (await cloud.sure(cloud.alice, 'GET', at(`${kind}/${network.id}`))).network,
        network,
      );
      assert.equal((await cloud.ask(cloud.alice, 'GET', at(kind), { version: 36 })).status, 404);
    }
  });
});
