import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Loose } from '#openstack/http/api.testing.ts';
import { setStatuses } from '../store/sdn-status.ts';
import { startNeutron } from './neutron-api.testing.ts';

const neutron = await startNeutron();
const { ask, sure } = neutron;
after(async () => await neutron.close());

/** Creates a network of the member's with these subnets. */
async function network(
  ...subnets: Record<string, Loose>[]
): Promise<{ id: string; subnets: Loose[] }> {
  const { id } = await sure('member', 'POST', 'networks', { network: {} });
  const createdSubnets: Loose[] = [];
  for (const subnet of subnets) {
    neutron.clock.nowMs += 1; // addresses come from the oldest subnet first
    createdSubnets.push(
      await sure('member', 'POST', 'subnets', {
        subnet: {
          network_id: id,
          ip_version: String(subnet['cidr']).includes(':') ? 6 : 4,
          ...subnet,
        },
      }),
    );
  }
  return { id, subnets: createdSubnets };
}
const addresses = (port: Loose): string[] =>
  port.fixed_ips.map(({ ip_address }: Loose) => ip_address).sort();
const slaac = { cidr: '2001:db8:1::/64', ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' };

describe('a port', () => {
  it('begins with an address of each family, the default group and no binding', async () => {
    const {
      id,
      subnets: [v4, v6],
    } = await network(
      { cidr: '10.0.0.0/24' },
      { cidr: '2001:db8::/64', ipv6_address_mode: 'dhcpv6-stateful' },
    );
    const port = await sure('member', 'POST', 'ports', { port: { network_id: id } });
    assert.deepEqual(port.fixed_ips, [
      { subnet_id: v4.id, ip_address: '10.0.0.2' },
      { subnet_id: v6.id, ip_address: '2001:db8::2' },
    ]);
    const [group] = await sure('member', 'GET', 'security-groups?name=default');
    assert.deepEqual(
      [port.security_groups, port.status, port.port_security_enabled, port['binding:vnic_type']],
      [[group.id], 'DOWN', true, 'normal'],
    );
    assert.match(port.mac_address, /^fa:16:3e(:[0-9a-f]{2}){3}$/);
    assert.ok(!('binding:host_id' in port), 'members do not see bindings');
    const portForAdmin = await sure('admin', 'GET', `ports/${port.id}`);
    assert.deepEqual(
      [
        portForAdmin['binding:host_id'],
        portForAdmin['binding:vif_type'],
        portForAdmin['binding:vif_details'],
        portForAdmin['binding:profile'],
      ],
      ['', 'unbound', {}, {}],
    );
  });
  it('on a network without subnets has no address, nor one that asks for none', async () => {
    const { id } = await network();
    assert.deepEqual(
      (await sure('member', 'POST', 'ports', { port: { network_id: id } })).fixed_ips,
      [],
    );
    const other = await network({ cidr: '10.0.0.0/24' });
    assert.deepEqual(
      (await sure('member', 'POST', 'ports', { port: { network_id: other.id, fixed_ips: [] } }))
        .fixed_ips,
      [],
    );
  });
  it('gets what it asks for: an address, a subnet, several', async () => {
    const {
      id,
      subnets: [one, two],
    } = await network({ cidr: '10.0.0.0/24' }, { cidr: '10.1.0.0/24' });
    const port = await sure('member', 'POST', 'ports', {
      port: {
        network_id: id,
        fixed_ips: [{ ip_address: '10.0.0.50' }, { subnet_id: two.id }, { subnet_id: two.id }],
      },
    });
    assert.deepEqual(addresses(port), ['10.0.0.50', '10.1.0.2', '10.1.0.3']);
    assert.deepEqual(
      addresses(
        await sure('member', 'PUT', `ports/${port.id}`, {
          port: { fixed_ips: [{ subnet_id: one.id }] },
        }),
      ),
      ['10.0.0.50'],
      'an address of the subnet is kept',
    );
    assert.deepEqual(
      addresses(await sure('member', 'PUT', `ports/${port.id}`, { port: { fixed_ips: [] } })),
      [],
    );
    assert.deepEqual(
      addresses(
        await sure('member', 'POST', 'ports', {
          port: { network_id: id, fixed_ips: [{ ip_address: '10.0.0.50' }] },
        }),
      ),
      ['10.0.0.50'],
      'it was given back',
    );
  });
  it('takes the next subnet when one is full', async () => {
    const { id } = await network(
      { cidr: '10.0.0.0/24', allocation_pools: [{ start: '10.0.0.5', end: '10.0.0.6' }] },
      { cidr: '10.1.0.0/24' },
    );
    const createdPorts = await sure('member', 'POST', 'ports', {
      ports: [{ network_id: id }, { network_id: id }],
    });
    assert.deepEqual(
      createdPorts.map((port: Loose) => addresses(port)[0]),
      ['10.0.0.5', '10.1.0.2'],
      'metadata has the other one',
    );
  });
  it('addresses itself where routers say so, also when the subnet comes later or its MAC changes', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('member', 'POST', 'ports', {
      port: { network_id: id, mac_address: 'fa:16:3e:00:00:01' },
    });
    const { id: subnetId } = await sure('member', 'POST', 'subnets', {
      subnet: { network_id: id, ip_version: 6, ...slaac },
    });
    const then = await sure('member', 'GET', `ports/${port.id}`);
    assert.deepEqual(
      [addresses(then), then.revision_number],
      [['10.0.0.2', '2001:db8:1:0:f816:3eff:fe00:1'], 1],
    );
    const moved = await sure('member', 'PUT', `ports/${port.id}`, {
      port: { mac_address: 'fa:16:3e:00:00:02' },
    });
    assert.deepEqual(addresses(moved), ['10.0.0.2', '2001:db8:1:0:f816:3eff:fe00:2']);
    const updatedPort = await sure('member', 'PUT', `ports/${port.id}`, {
      port: { fixed_ips: [{ ip_address: '10.0.0.9' }] },
    });
    assert.deepEqual(addresses(updatedPort), ['10.0.0.9', '2001:db8:1:0:f816:3eff:fe00:2']);
    assert.deepEqual(
      addresses(
        await sure('member', 'PUT', `ports/${port.id}`, {
          port: { fixed_ips: updatedPort.fixed_ips },
        }),
      ),
      addresses(updatedPort),
      'what is read may be written',
    );
    const wrong = await ask('member', 'POST', 'ports', {
      port: { network_id: id, fixed_ips: [{ subnet_id: subnetId, ip_address: '2001:db8:1::5' }] },
    });
    assert.deepEqual(
      [wrong.status, wrong.body.NeutronError.type],
      [400, 'AllocationOnAutoAddressSubnet'],
    );
    assert.equal(
      (await ask('member', 'DELETE', `subnets/${subnetId}`)).status,
      204,
      'such addresses hold no subnet',
    );
    assert.deepEqual(addresses(await sure('member', 'GET', `ports/${port.id}`)), ['10.0.0.9']);
  });
  it('is bound by a service: plugged, and DOWN until the network below says more', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('service', 'POST', 'ports', {
      port: {
        network_id: id,
        project_id: 'project-a',
        device_id: 'server-1',
        device_owner: 'compute:nova',
        'binding:host_id': 'h1',
      },
    });
    assert.deepEqual(
      [
        port.project_id,
        port['binding:vif_type'],
        port['binding:vif_details'].bridge_name,
        port.security_groups.length,
      ],
      ['project-a', 'ovs', 'br-int', 1],
    );
    const freed = await sure('service', 'PUT', `ports/${port.id}`, {
      port: { 'binding:host_id': '', device_id: '', device_owner: '' },
    });
    assert.deepEqual(
      [freed['binding:vif_type'], freed.status, freed.device_id],
      ['unbound', 'DOWN', ''],
    );
  });
  it('is not bound to a host that the network below does not know', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const bind = async (host: string): Promise<Loose> =>
      await sure('service', 'POST', 'ports', { port: { network_id: id, 'binding:host_id': host } });
    assert.equal((await bind('h9'))['binding:vif_type'], 'ovs', 'no host has been heard yet');
    for (const task of neutron.writer.tasks)
      if (task.atStart) await task.run(new AbortController().signal);
    assert.equal((await bind('h9'))['binding:vif_type'], 'binding_failed');
    assert.equal((await bind('h1'))['binding:vif_type'], 'ovs');
  });
  it('shows its status as soon as the network below tells it, and counts that as a change', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('member', 'POST', 'ports', { port: { network_id: id } });
    const { db } = neutron.deps.database;
    for (let times = 0; times < 2; times += 1)
      await setStatuses(db, 'ports', [port.id, 'nobody'], 'ACTIVE', neutron.clock.now());
    const [listed] = await sure('member', 'GET', `ports?id=${port.id}`);
    assert.deepEqual([listed.status, listed.revision_number], ['ACTIVE', 1]);
  });
  it('keeps DHCP options by name, and drops those set to null', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('member', 'POST', 'ports', {
      port: {
        network_id: id,
        extra_dhcp_opts: [
          { opt_name: 'bootfile-name', opt_value: 'a' },
          { opt_name: 'tftp-server', opt_value: '1.1.1.1', ip_version: 4 },
        ],
      },
    });
    assert.deepEqual(port.extra_dhcp_opts[0], {
      ip_version: 4,
      opt_name: 'bootfile-name',
      opt_value: 'a',
    });
    const changed = await sure('member', 'PUT', `ports/${port.id}`, {
      port: {
        extra_dhcp_opts: [
          { opt_name: 'bootfile-name', opt_value: 'b' },
          { opt_name: 'tftp-server', opt_value: null },
        ],
      },
    });
    assert.deepEqual(
      changed.extra_dhcp_opts.map(({ opt_name, opt_value }: Loose) => [opt_name, opt_value]),
      [['bootfile-name', 'b']],
    );
  });
  it('has address pairs with its own MAC by default', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('member', 'POST', 'ports', {
      port: {
        network_id: id,
        allowed_address_pairs: [
          { ip_address: '10.9.0.0/16' },
          { ip_address: '10.8.0.1', mac_address: 'fa:16:3e:aa:aa:aa' },
        ],
      },
    });
    assert.deepEqual(port.allowed_address_pairs, [
      { ip_address: '10.9.0.0/16', mac_address: port.mac_address },
      { ip_address: '10.8.0.1', mac_address: 'fa:16:3e:aa:aa:aa' },
    ]);
    assert.deepEqual(
      (await sure('member', 'PUT', `ports/${port.id}`, { port: { allowed_address_pairs: [] } }))
        .allowed_address_pairs,
      [],
    );
  });
  it('leaves and joins security groups', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const [one, two] = [
      await sure('member', 'POST', 'security-groups', { security_group: { name: 'one' } }),
      await sure('member', 'POST', 'security-groups', { security_group: { name: 'two' } }),
    ];
    const port = await sure('member', 'POST', 'ports', {
      port: { network_id: id, security_groups: [one.id] },
    });
    assert.deepEqual(
      (
        await sure('member', 'PUT', `ports/${port.id}`, {
          port: { security_groups: [one.id, two.id] },
        })
      ).security_groups,
      [one.id, two.id].sort(),
    );
    assert.deepEqual(
      (await sure('member', 'GET', `ports?security_groups=${two.id}`)).map(
        (found: Loose) => found.id,
      ),
      [port.id],
    );
    assert.deepEqual(
      (
        await sure('member', 'PUT', `ports/${port.id}`, {
          port: { security_groups: [], port_security_enabled: false },
        })
      ).security_groups,
      [],
    );
  });
  it('has a name and names for its addresses', async () => {
    const { id } = await network({ cidr: '10.0.0.0/24' });
    const port = await sure('member', 'POST', 'ports', {
      port: { network_id: id, dns_name: 'web' },
    });
    assert.deepEqual(port.dns_assignment, [
      { ip_address: port.fixed_ips[0].ip_address, hostname: 'web', fqdn: 'web.openstacklocal.' },
    ]);
  });
});

describe('at once', () => {
  it('500 creations give 500 addresses, and neither a port nor an address more', async () => {
    await sure('admin', 'PUT', 'quotas/project-a', { quota: { port: 600 } });
    const { id } = await network({ cidr: '10.0.0.0/22' });
    const createdPorts = await Promise.all(
      Array.from(
        { length: 500 },
        async () => await sure('member', 'POST', 'ports', { port: { network_id: id } }),
      ),
    );
    const allocatedIps = createdPorts.flatMap(addresses);
    assert.equal(new Set(allocatedIps).size, 500);
    const used = async (): Promise<number> =>
      (
        await neutron.deps.database.db
          .selectFrom('ip_allocations')
          .select('ip')
          .where('network_id', '=', id)
          .execute()
      ).length;
    assert.equal(await used(), 501, 'metadata has one, too');
    await Promise.all(
      createdPorts.map(async (port: Loose) => await sure('member', 'DELETE', `ports/${port.id}`)),
    );
    assert.equal(await used(), 1);
  });
});
