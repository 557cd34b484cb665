import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { mariadbMissing, startMariadb } from '#platform/db/mariadb.testing.ts';
import type { PrivateMariadb } from '#platform/db/mariadb.testing.ts';
import type { NeutronFixture } from '../api/neutron-api.testing.ts';
import { startNeutron } from '../api/neutron-api.testing.ts';
// Neutron's SQL on a real MariaDB: each kind of query once, through the API; and the invariants
// under concurrent writes.
import { seed } from '../api/seed.ts';
import { neutronAudit } from './audit.ts';

describe('neutron on MariaDB', { skip: await mariadbMissing() }, () => {
  let mariadb: PrivateMariadb;
  let neutron: NeutronFixture;
  let { ask, sure } = {} as NeutronFixture;
  before(async () => {
    mariadb = await startMariadb();
    neutron = await startNeutron({
      database: await mariadb.createDatabase(),
      config: { publicCidr: '172.24.4.0/24' },
    });
    ({ ask, sure } = neutron);
    await seed(neutron.deps);
  });
  after(async () => {
    await neutron?.close();
    await mariadb?.stop();
  });

  it('makes, changes, lists and deletes one of everything', async () => {
    const [external] = await sure(
      'member',
      'GET',
      'networks?router:external=true&sort_key=created_at&sort_dir=desc&limit=1',
    ).then(({ networks }) => networks);
    const network = await sure('member', 'POST', 'networks', { network: { name: 'n' } });
    const pool = await sure('member', 'POST', 'subnetpools', {
      subnetpool: { name: 'p', prefixes: ['10.64.0.0/16'], default_prefixlen: 24 },
    });
    const subnet = await sure('member', 'POST', 'subnets', {
      subnet: { network_id: network.id, subnetpool_id: pool.id },
    });
    await sure('member', 'POST', 'subnets', {
      subnet: {
        network_id: network.id,
        ip_version: 6,
        cidr: '2001:db8::/64',
        ipv6_ra_mode: 'slaac',
        ipv6_address_mode: 'slaac',
      },
    });
    const group = await sure('member', 'POST', 'security-groups', {
      security_group: { name: 'g' },
    });
    await sure('member', 'POST', 'security-group-rules', {
      security_group_rule: {
        security_group_id: group.id,
        direction: 'ingress',
        protocol: 'tcp',
        port_range_min: 80,
        port_range_max: 80,
      },
    });
    const port = await sure('member', 'POST', 'ports', {
      port: { network_id: network.id, security_groups: [group.id] },
    });
    const router = await sure('member', 'POST', 'routers', {
      router: { external_gateway_info: { network_id: external.id } },
    });
    await sure('member', 'PUT', `routers/${router.id}/add_router_interface`, {
      subnet_id: subnet.id,
    });
    const floating = await sure('member', 'POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, port_id: port.id },
    });
    await sure('member', 'PUT', `ports/${port.id}/tags`, { tags: ['red'] });
    const query = `ports?tags=red&not-tags=blue&fixed_ips=ip_address_substr%3D10.64&security_groups=${group.id}&admin_state_up=true&sort_key=name&sort_dir=asc&limit=5`;
    assert.deepEqual(
      (await sure('member', 'GET', query)).ports.map(({ id }: Loose) => id),
      [port.id],
    );
    assert.deepEqual(
      (
        await sure('member', 'PUT', `ports/${port.id}`, {
          port: { fixed_ips: [{ ip_address: '10.64.0.9' }], name: 'x' },
        })
      ).revision_number,
      2,
    );
    assert.equal((await sure('member', 'GET', `floatingips/${floating.id}`)).port_id, null);
    assert.equal(
      (await sure('admin', 'GET', `network-ip-availabilities/${network.id}`)).used_ips,
      4,
    );
    assert.deepEqual((await neutronAudit(neutron.deps.database.db)).inconsistencies, []);
    for (const path of [
      `floatingips/${floating.id}`,
      `ports/${port.id}`,
      `security-groups/${group.id}`,
    ])
      assert.equal((await ask('member', 'DELETE', path)).status, 204, path);
    await sure('member', 'PUT', `routers/${router.id}/remove_router_interface`, {
      subnet_id: subnet.id,
    });
    for (const path of [`routers/${router.id}`, `networks/${network.id}`, `subnetpools/${pool.id}`])
      assert.equal((await ask('member', 'DELETE', path)).status, 204, path);
  });

  it('gives 500 ports made at once 500 addresses', async () => {
    await sure('admin', 'PUT', 'quotas/project-a', { quota: { port: 600 } });
    const network = await sure('member', 'POST', 'networks', { network: {} });
    await sure('member', 'POST', 'subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/22' },
    });
    const createdNetworks = await Promise.all(
      Array.from(
        { length: 500 },
        async () => await ask('member', 'POST', 'ports', { port: { network_id: network.id } }),
      ),
    );
    assert.deepEqual(
      [...new Set(createdNetworks.map(({ status }) => status))],
      [201],
      JSON.stringify(createdNetworks.find(({ status }) => status !== 201)?.body),
    );
    assert.equal(
      new Set(createdNetworks.map(({ body }) => body.port.fixed_ips[0].ip_address)).size,
      500,
    );
  });

  it('leaves no address of a subnet that is deleted while ports are made', async () => {
    const network = await sure('member', 'POST', 'networks', { network: {} });
    for (let round = 0; round < 5; round += 1) {
      const subnet = await sure('member', 'POST', 'subnets', {
        subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
      });
      const ports = Array.from(
        { length: 6 },
        async () => await ask('member', 'POST', 'ports', { port: { network_id: network.id } }),
      );
      const deletion = await ask('member', 'DELETE', `subnets/${subnet.id}`);
      const creations = await Promise.all(ports);
      assert.ok(
        creations.every(({ status }) => status === 201) && [204, 409].includes(deletion.status),
        `${deletion.status}`,
      );
      assert.deepEqual((await neutronAudit(neutron.deps.database.db)).inconsistencies, []);
      for (const { body } of creations) await sure('member', 'DELETE', `ports/${body.port.id}`);
      await ask('member', 'DELETE', `subnets/${subnet.id}`);
    }
  });

  it('never exceeds a quota, makes one default group, and one subnet of two that overlap', async () => {
    const network = await sure('other', 'POST', 'networks', { network: {} });
    const ten = Array.from({ length: 10 }, (_, index) => index);
    const groups = await Promise.all(
      ten.map(async () => (await sure('other', 'GET', 'security-groups')).length),
    );
    assert.deepEqual([...new Set(groups)], [1]);
    const subnets = await Promise.all(
      ten.map(
        async () =>
          (
            await ask('other', 'POST', 'subnets', {
              subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
            })
          ).status,
      ),
    );
    assert.deepEqual(subnets.sort(), [201, ...ten.slice(1).map(() => 400)]);
    await sure('admin', 'PUT', 'quotas/project-b', { quota: { port: 5 } });
    const ports = await Promise.all(
      ten.map(
        async () =>
          (await ask('other', 'POST', 'ports', { port: { network_id: network.id } })).status,
      ),
    );
    assert.deepEqual(ports.sort(), [201, 201, 201, 201, 201, 409, 409, 409, 409, 409]);
  });
});
