// The role neutron-ovn-writer with a simulated OVN: which rows it writes, and which it repairs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '#platform/testing/eventually.ts';
import { noDrift } from '#ports/sdn.ts';
import { wakeWriter } from './neutron-tables.testing.ts';
import { atRest, ovn, portStatus, rows, task, useOvnWriter } from './role.testing.ts';

describe('Neutron towards the network below', () => {
  useOvnWriter();

  it('shows networks, subnets, ports, groups, routers and floating IPs, and takes them away again', async () => {
    const [net, outside] = [
      await ovn.world.network(),
      await ovn.world.network({
        network_type: 'flat',
        physical_network: 'physnet1',
        external: 1,
        mtu: 1500,
      }),
    ];
    const [subnet, publicSubnet] = [
      await ovn.world.subnet(net, '10.0.0.0/24'),
      await ovn.world.subnet(outside, '192.0.2.0/24', { enable_dhcp: 0 }),
    ];
    const group = await ovn.world.group([
      { protocol: 'tcp', port_range_min: 80, port_range_max: 80 },
    ]);
    await ovn.world.metadataPort(net, subnet, '10.0.0.2');
    const port = await ovn.world.port(
      net,
      [[subnet, '10.0.0.5']],
      { device_owner: 'compute:nova', device_id: 'server', binding_host_id: 'h1' },
      [group],
    );
    const router = await ovn.world.router(
      [[net, subnet, '10.0.0.1']],
      [outside, publicSubnet, '192.0.2.9'],
    );
    const floatingIp = await ovn.world.floatingIp(
      [outside, publicSubnet, '192.0.2.50'],
      router,
      port,
      '10.0.0.5',
    );
    await atRest();
    assert.deepEqual(
      rows('NAT')
        .map(
          (row) =>
            row.table === 'NAT' && [
              row.columns.type,
              row.columns.external_ip,
              row.columns.logical_ip,
            ],
        )
        .toSorted(),
      [
        ['dnat_and_snat', '192.0.2.50', '10.0.0.5'],
        ['snat', '192.0.2.9', '10.0.0.0/24'],
      ],
    );
    await eventually(async () => (await portStatus(port.id)).status === 'ACTIVE', {
      withinMs: 2_000,
      what: 'the port is up',
    });
    const { status } = await ovn.world.database.db
      .selectFrom('floating_ips')
      .select('status')
      .where('id', '=', floatingIp)
      .executeTakeFirstOrThrow();
    assert.equal(status, 'ACTIVE');
    assert.equal((await portStatus(router.gateway_port_id ?? '')).status, 'ACTIVE');

    const { db } = ovn.world.database;
    await db.deleteFrom('floating_ips').execute();
    await db.deleteFrom('routers').execute();
    for (const table of [
      'ip_allocations',
      'port_security_groups',
      'ports',
      'subnets',
      'security_group_rules',
      'security_groups',
      'network_segments',
      'networks',
    ] as const)
      await db.deleteFrom(table).execute();
    await ovn.world.mark(
      ['floating_ip', floatingIp],
      ['router', router.id],
      ['port', port.id],
      ['subnet', subnet.id],
      ['subnet', publicSubnet.id],
      ['network', net.id],
      ['network', outside.id],
      ['security_group', group],
    );
    wakeWriter(ovn.writer);
    await eventually(
      () =>
        ovn.network
          .rows()
          .every(({ key }) => key.startsWith('drop-group') || key.startsWith('port/')),
      { withinMs: 2_000, what: 'nothing is left but what nobody marked' },
    );
  });

  it('accepts changes while the network is away, and shows them when it returns', async () => {
    const net = await ovn.world.network();
    await atRest();
    ovn.network.lose();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/24');
    await ovn.world.port(net, [[subnet, '10.0.0.5']]);
    wakeWriter(ovn.writer);
    ovn.network.power(true);
    await atRest();
    assert.deepEqual(
      [
        rows('Logical_Switch').length,
        rows('Logical_Switch_Port').length,
        rows('DHCP_Options').length,
      ],
      [1, 1, 1],
    );
    assert.deepEqual(ovn.writer.mended(), noDrift, 'what was away is no drift');
  });

  it('mends stray, missing and altered rows, and counts them', async () => {
    const net = await ovn.world.network();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/24');
    const [lostPort] = [
      await ovn.world.port(net, [[subnet, '10.0.0.5']]),
      await ovn.world.port(net, [[subnet, '10.0.0.6']]),
    ];
    await atRest();
    ovn.network.vandalize((all) => {
      all.delete(`Logical_Switch_Port port/${lostPort.id}`);
      all.set('Address_Set stray', {
        table: 'Address_Set',
        key: 'stray',
        columns: { name: 'stray' },
      });
      for (const [name, row] of all)
        if (row.table === 'DHCP_Options')
          all.set(name, { ...row, columns: { ...row.columns, cidr: '10.9.9.0/24' } });
    });
    await task('neutron.compare-network');
    await atRest();
    assert.deepEqual(ovn.writer.mended(), { inserted: 1, updated: 1, deleted: 1 });
  });

  it('brings along what a port hangs on when the network has lost just that', async () => {
    const net = await ovn.world.network();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/24');
    const group = await ovn.world.group([]);
    await atRest();
    ovn.network.vandalize((all) => all.clear());
    await ovn.world.database.db.deleteFrom('sdn_changes').execute();
    await ovn.world.port(net, [[subnet, '10.0.0.5']], {}, [group]);
    wakeWriter(ovn.writer);
    await eventually(() => rows('Logical_Switch_Port').length === 1, {
      withinMs: 2_000,
      what: 'the port is there',
    });
    assert.deepEqual(
      [rows('Logical_Switch').length, rows('DHCP_Options').length, rows('Port_Group').length],
      [1, 1, 2],
    );
  });
});
