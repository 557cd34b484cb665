import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Loose } from '#openstack/http/api.testing.ts';
import { neutronAudit } from '../store/audit.ts';
import { projectOf, startNeutron } from './neutron-api.testing.ts';
import { seed } from './seed.ts';

const neutron = await startNeutron({
  config: { publicCidr: '172.24.4.0/24', dnsServers: ['9.9.9.9'] },
});
const { ask, sure } = neutron;
after(async () => await neutron.close());

describe('a network', () => {
  it('begins with the usual values, and shows its carrier to operators alone', async () => {
    const { id, created_at, updated_at, ...shown } = await sure('member', 'POST', 'networks', {
      network: { name: 'net', description: 'd' },
    });
    assert.deepEqual(shown, {
      tenant_id: 'project-a',
      project_id: 'project-a',
      description: 'd',
      tags: [],
      revision_number: 0,
      name: 'net',
      admin_state_up: true,
      status: 'ACTIVE',
      shared: false,
      'router:external': false,
      is_default: false,
      mtu: 1442,
      port_security_enabled: true,
      dns_domain: '',
      availability_zone_hints: [],
      availability_zones: [],
      subnets: [],
    });
    assert.deepEqual([created_at, updated_at], ['2026-11-22T12:00:00Z', '2026-11-22T12:00:00Z']);
    const networkForAdmin = await sure('admin', 'GET', `networks/${id}`);
    assert.deepEqual(
      [
        networkForAdmin['provider:network_type'],
        networkForAdmin['provider:physical_network'],
        typeof networkForAdmin['provider:segmentation_id'],
      ],
      ['geneve', null, 'number'],
    );
  });
  it('takes the next segment, and one that is named', async () => {
    const vlan = { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1' };
    const networks = [
      await sure('admin', 'POST', 'networks', { network: vlan }),
      await sure('admin', 'POST', 'networks', {
        network: { ...vlan, 'provider:segmentation_id': 4094 },
      }),
      await sure('admin', 'POST', 'networks', { network: vlan }),
    ];
    assert.deepEqual(
      networks.map((network) => [network['provider:segmentation_id'], network.mtu]),
      [
        [1, 1500],
        [4094, 1500],
        [2, 1500],
      ],
    );
    await sure('admin', 'DELETE', `networks/${networks[0].id}`);
    assert.equal(
      (await sure('admin', 'POST', 'networks', { network: vlan }))['provider:segmentation_id'],
      1,
    );
  });
  it('changes, and counts its changes', async () => {
    const { id } = await sure('member', 'POST', 'networks', { network: {} });
    neutron.clock.nowMs += 5000;
    const changed = await sure('member', 'PUT', `networks/${id}`, {
      network: { name: 'new', admin_state_up: false, mtu: 1400 },
    });
    assert.deepEqual(
      [
        changed.name,
        changed.admin_state_up,
        changed.mtu,
        changed.revision_number,
        changed.updated_at,
      ],
      ['new', false, 1400, 1, '2026-11-22T12:00:05Z'],
    );
    await sure('member', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' },
    });
    const [listed] = await sure('member', 'GET', `networks?id=${id}`);
    assert.deepEqual([listed.subnets.length, listed.revision_number], [1, 2]);
  });
  it('is deleted with its subnets and its metadata port', async () => {
    const { id } = await sure('member', 'POST', 'networks', { network: {} });
    const subnet = await sure('member', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' },
    });
    const [metadata] = await sure('admin', 'GET', `ports?network_id=${id}`);
    assert.deepEqual(
      [metadata.device_owner, metadata.device_id, metadata.fixed_ips.length, metadata.project_id],
      ['network:distributed', `ovnmeta-${id}`, 1, ''],
    );
    assert.deepEqual(await sure('member', 'GET', `ports?network_id=${id}`), []);
    assert.equal((await ask('member', 'DELETE', `networks/${id}`)).status, 204);
    assert.deepEqual(
      [
        (await ask('member', 'GET', `subnets/${subnet.id}`)).status,
        (await ask('admin', 'GET', `ports/${metadata.id}`)).status,
      ],
      [404, 404],
    );
  });
  it("that is shared is for everybody's ports, until others use it", async () => {
    const { id } = await sure('admin', 'POST', 'networks', { network: { shared: true } });
    await sure('admin', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' },
    });
    assert.equal((await sure('other', 'GET', `subnets?network_id=${id}`)).length, 1);
    const port = await sure('other', 'POST', 'ports', { port: { network_id: id } });
    assert.equal(
      (
        await ask('other', 'POST', 'ports', {
          port: { network_id: id, fixed_ips: [{ ip_address: '10.0.0.66' }] },
        })
      ).status,
      403,
    );
    const refusal = await ask('admin', 'PUT', `networks/${id}`, { network: { shared: false } });
    assert.deepEqual(
      [refusal.status, refusal.body.NeutronError.type],
      [409, 'InvalidSharedSetting'],
    );
    await sure('other', 'DELETE', `ports/${port.id}`);
    assert.equal(
      (await sure('admin', 'PUT', `networks/${id}`, { network: { shared: false } })).shared,
      false,
    );
    assert.equal((await ask('other', 'GET', `networks/${id}`)).status, 404);
  });
  it('that is external is shown to everybody, its subnets are not', async () => {
    const { id } = await sure('admin', 'POST', 'networks', {
      network: { 'router:external': true },
    });
    await sure('admin', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '10.66.0.0/24' },
    });
    assert.equal((await sure('other', 'GET', `networks/${id}`)).id, id);
    assert.deepEqual(await sure('other', 'GET', `subnets?network_id=${id}`), []);
    assert.deepEqual(await sure('admin', 'GET', `ports?network_id=${id}`), [], 'no metadata port');
  });
  it('made for another project by an operator belongs to it', async () => {
    const network = await sure('admin', 'POST', 'networks', {
      network: { tenant_id: 'project-b' },
    });
    assert.deepEqual(
      [
        network.project_id,
        network.tenant_id,
        (await ask('other', 'DELETE', `networks/${network.id}`)).status,
      ],
      ['project-b', 'project-b', 204],
    );
    const [group] = await sure('admin', 'GET', 'security-groups?project_id=project-b&name=default');
    const rule = await sure('admin', 'POST', 'security-group-rules', {
      security_group_rule: {
        tenant_id: 'project-b',
        security_group_id: group.id,
        direction: 'ingress',
        protocol: 'sctp',
      },
    });
    assert.equal(rule.project_id, 'project-b');
  });
});

describe('a bulk', () => {
  it('is created as a whole, in its order', async () => {
    const networks: Loose[] = await sure('member', 'POST', 'networks', {
      networks: [{ name: 'b1' }, { name: 'b2' }],
    });
    assert.deepEqual(
      networks.map(({ name }) => name),
      ['b1', 'b2'],
    );
  });
  it('is not created at all when one of it is refused', async () => {
    const { id } = await sure('member', 'POST', 'networks', { network: {} });
    await sure('member', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 4, cidr: '10.0.0.0/29' },
    });
    const answer = await ask('member', 'POST', 'ports', {
      ports: Array.from({ length: 9 }, () => ({ network_id: id, name: 'all-or-none' })),
    });
    assert.deepEqual(
      [answer.status, answer.body.NeutronError.type],
      [409, 'IpAddressGenerationFailure'],
    );
    assert.deepEqual(await sure('member', 'GET', 'ports?name=all-or-none'), []);
    const addresses = await neutron.deps.database.db
      .selectFrom('ip_allocations')
      .select('ip')
      .where('network_id', '=', id)
      .execute();
    assert.equal(addresses.length, 1, 'only the metadata port has an address');
    assert.equal(
      (await ask('member', 'POST', 'networks', { networks: [{ name: 'half' }, { colour: 'red' }] }))
        .status,
      400,
    );
    assert.deepEqual(await sure('member', 'GET', 'networks?name=half'), []);
  });
});

describe('a fresh cloud', () => {
  it("has the external network and the demo project's own, and no second ones after the next start", async () => {
    await seed(neutron.deps);
    await seed(neutron.deps);
    const [external, second] = await sure('admin', 'GET', 'networks?name=public');
    assert.equal(second, undefined);
    assert.deepEqual(
      [
        external['router:external'],
        external.shared,
        external['provider:network_type'],
        external['provider:physical_network'],
        external.project_id,
      ],
      [true, false, 'flat', 'physnet1', projectOf('admin')],
    );
    const [outer] = await sure('admin', 'GET', `subnets?network_id=${external.id}`);
    assert.deepEqual(
      [outer.gateway_ip, outer.enable_dhcp, outer.allocation_pools],
      ['172.24.4.1', false, [{ start: '172.24.4.10', end: '172.24.4.250' }]],
    );
    const [demo] = await sure('member', 'GET', 'subnets?name=demo');
    assert.deepEqual(
      [demo.cidr, demo.dns_nameservers, demo.project_id],
      ['10.0.0.0/24', ['9.9.9.9'], projectOf('member')],
    );
    const [router] = await sure('member', 'GET', 'routers?name=demo');
    assert.equal(router.external_gateway_info.network_id, external.id);
    assert.equal((await sure('member', 'GET', `ports?device_id=${router.id}`)).length, 1);
    const rules: Loose[] = await sure('member', 'GET', 'security-group-rules?direction=ingress');
    assert.deepEqual(
      rules
        .filter(({ protocol }) => protocol !== null)
        .map(({ protocol, port_range_min }) => [protocol, port_range_min])
        .sort(),
      [
        ['icmp', null],
        ['tcp', 22],
      ],
    );
  });
  it('does not bring back what somebody deleted', async () => {
    const [group] = await sure('member', 'GET', 'security-groups?name=default');
    for (const rule of await sure('member', 'GET', 'security-group-rules?protocol=icmp'))
      await sure('member', 'DELETE', `security-group-rules/${rule.id}`);
    await seed(neutron.deps);
    assert.deepEqual(
      await sure(
        'member',
        'GET',
        `security-group-rules?security_group_id=${group.id}&protocol=icmp`,
      ),
      [],
    );
  });
});

it('an audit of its own tables finds nothing, and what somebody took out', async () => {
  const clean = await neutronAudit(neutron.deps.database.db);
  assert.deepEqual(clean.inconsistencies, []);
  const { id } = await sure('member', 'POST', 'networks', { network: {} });
  await sure('member', 'POST', 'subnets', {
    subnet: { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' },
  });
  const port = await sure('member', 'POST', 'ports', { port: { network_id: id } });
  await neutron.deps.database.db.deleteFrom('ports').where('id', '=', port.id).execute();
  const broken = await neutronAudit(neutron.deps.database.db);
  assert.deepEqual(broken.inconsistencies, [`address of no port: ${port.fixed_ips[0].ip_address}`]);
  assert.ok(!isFault(await neutron.writer.audit()));
});
