// Neutron's side towards the network below, over the network in memory: what is written there, what
// is heard back, and what is mended.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createSimNetwork, createSimSdn, type SimSdn } from '#adapters/sim/sim-sdn.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { Json } from '#contracts/common/json.ts';
import type { HttpClient } from '#openstack/http/client.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { noDrift, type SdnRow } from '#ports/sdn.ts';
import { neutronDefaults } from '../deps.ts';
import { mayBind } from '../store/agents.ts';
import { NeutronWorld, wakeWriter } from './neutron-tables.testing.ts';
import type { OvnWriterDeps } from './role.ts';
import { createNeutronOvnWriter, type OvnWriterRole } from './role.ts';

describe('Neutron towards the network below', () => {
  let world: NeutronWorld;
  let side: OvnWriterRole;
  let below: SimSdn;
  /** Events that Nova was sent; it refuses as often as told. */
  let events: { name: string; server_uuid: string; tag: string }[];
  let refusals: number;

  const http: HttpClient = {
    send: async ({ path, body }) => {
      if (refusals > 0) {
        refusals -= 1;
        return fault('unavailable', 'Nova is away');
      }
      assert.equal(path, '/v2.1/os-server-external-events');
      events.push(...(body as unknown as { events: typeof events }).events);
      return { status: 200, headers: {}, body: { events: [] } as Json, stream: undefined };
    },
  };
  const deps = (): OvnWriterDeps => ({
    database: world.database,
    clock: systemClock,
    ids: systemIds,
    log: silentLog,
    config: neutronDefaults,
    http,
    session: { token: async () => 'token', renew: () => undefined },
    bus: createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds }),
    openSdn: (listeners) =>
      (below = createSimSdn(
        { chassis: ['h1', 'h2'], bridgeMappings: 'physnet1:br-ex' },
        { clock: systemClock },
        listeners,
      )),
  });
  const open = (): OvnWriterRole => createNeutronOvnWriter(deps());
  const task = async (name: string): Promise<void> => {
    const found = side.tasks.find((each) => each.name === name);
    assert.ok(found, name);
    await found.run(new AbortController().signal);
  };
  const rows = (table: SdnRow['table']): SdnRow[] =>
    below.rows().filter((row) => row.table === table);
  const atRest = async (): Promise<void> => {
    wakeWriter(side);
    await eventually(
      async () => {
        const audit = await side.audit();
        return (
          !isFault(audit) &&
          audit.pending === 0 &&
          audit.inserted + audit.updated + audit.deleted === 0
        );
      },
      { withinMs: 5_000, what: 'all that should be below is there, and nothing else' },
    );
  };
  const portStatus = async (id: string) =>
    await world.database.db
      .selectFrom('ports')
      .select(['status', 'revision_number'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();

  beforeEach(async () => {
    [events, refusals] = [[], 0];
    world = await NeutronWorld.open();
    side = open();
    await task('neutron.write-changes');
  });
  afterEach(async () => {
    await side.close();
    await world.close();
  });

  it('shows networks, subnets, ports, groups, routers and floating IPs, and takes them away again', async () => {
    const [net, outside] = [
      await world.network(),
      await world.network({
        network_type: 'flat',
        physical_network: 'physnet1',
        external: 1,
        mtu: 1500,
      }),
    ];
    const [subnet, publicSubnet] = [
      await world.subnet(net, '10.0.0.0/24'),
      await world.subnet(outside, '192.0.2.0/24', { enable_dhcp: 0 }),
    ];
    const group = await world.group([{ protocol: 'tcp', port_range_min: 80, port_range_max: 80 }]);
    await world.metadataPort(net, subnet, '10.0.0.2');
    const port = await world.port(
      net,
      [[subnet, '10.0.0.5']],
      { device_owner: 'compute:nova', device_id: 'server', binding_host_id: 'h1' },
      [group],
    );
    const router = await world.router(
      [[net, subnet, '10.0.0.1']],
      [outside, publicSubnet, '192.0.2.9'],
    );
    const floatingIp = await world.floatingIp(
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
    const { status } = await world.database.db
      .selectFrom('floating_ips')
      .select('status')
      .where('id', '=', floatingIp)
      .executeTakeFirstOrThrow();
    assert.equal(status, 'ACTIVE');
    assert.equal((await portStatus(router.gateway_port_id ?? '')).status, 'ACTIVE');

    const { db } = world.database;
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
    await world.mark(
      ['floating_ip', floatingIp],
      ['router', router.id],
      ['port', port.id],
      ['subnet', subnet.id],
      ['subnet', publicSubnet.id],
      ['network', net.id],
      ['network', outside.id],
      ['security_group', group],
    );
    wakeWriter(side);
    await eventually(
      () =>
        below.rows().every(({ key }) => key.startsWith('drop-group') || key.startsWith('port/')),
      { withinMs: 2_000, what: 'nothing is left but what nobody marked' },
    );
  });

  it('tells Nova of ports that came up and went down, once each, also when Nova was away', async () => {
    const net = await world.network();
    const subnet = await world.subnet(net, '10.0.0.0/24');
    refusals = 2;
    const port = await world.port(net, [[subnet, '10.0.0.5']], {
      device_owner: 'compute:nova',
      device_id: 'server',
      binding_host_id: 'h1',
    });
    const unbound = await world.port(net, [[subnet, '10.0.0.6']], {
      device_owner: 'compute:nova',
      device_id: 'other',
    });
    wakeWriter(side);
    await eventually(() => events.length > 0, { withinMs: 5_000, what: 'Nova hears' });
    assert.deepEqual(events, [
      { name: 'network-vif-plugged', server_uuid: 'server', tag: port.id, status: 'completed' },
    ]);
    assert.deepEqual(await portStatus(port.id), { status: 'ACTIVE', revision_number: 2 });
    assert.deepEqual(await portStatus(unbound.id), { status: 'DOWN', revision_number: 1 });
    await world.database.db
      .updateTable('ports')
      .set({ binding_host_id: '' })
      .where('id', '=', port.id)
      .execute();
    await world.mark(['port', port.id]);
    wakeWriter(side);
    await eventually(() => events.length > 1, { withinMs: 5_000, what: 'Nova hears again' });
    assert.equal(events[1]?.name, 'network-vif-unplugged');
    assert.equal((await portStatus(port.id)).status, 'DOWN');
    assert.equal(events.length, 2);
  });

  it('tells Nova of floating IPs and addresses that came and went at its servers', async () => {
    const [net, outside] = [
      await world.network(),
      await world.network({ network_type: 'flat', physical_network: 'physnet1', external: 1 }),
    ];
    const [subnet, publicSubnet] = [
      await world.subnet(net, '10.0.0.0/24'),
      await world.subnet(outside, '192.0.2.0/24', { enable_dhcp: 0 }),
    ];
    const port = await world.port(net, [[subnet, '10.0.0.5']], {
      device_owner: 'compute:nova',
      device_id: 'server',
    });
    const router = await world.router(
      [[net, subnet, '10.0.0.1']],
      [outside, publicSubnet, '192.0.2.9'],
    );
    await atRest();
    const { db } = world.database;
    const heard = async (name: string, count: number): Promise<void> => {
      wakeWriter(side);
      await eventually(() => events.filter((each) => each.name === name).length === count, {
        withinMs: 2_000,
        what: `${count} times ${name}`,
      });
      assert.deepEqual(events.at(-1), {
        name,
        server_uuid: 'server',
        tag: port.id,
        status: 'completed',
      });
    };
    const floatingIp = await world.floatingIp(
      [outside, publicSubnet, '192.0.2.50'],
      router,
      port,
      '10.0.0.5',
    );
    await heard('network-changed', 1);
    await db
      .updateTable('floating_ips')
      .set({ fixed_port_id: null, fixed_ip_address: null, router_id: null })
      .execute();
    await world.mark(['floating_ip', floatingIp]);
    await heard('network-changed', 2);
    await db
      .insertInto('ip_allocations')
      .values({
        subnet_id: subnet.id,
        ip_key: '6',
        ip: '10.0.0.6',
        network_id: net.id,
        port_id: port.id,
      })
      .execute();
    await world.mark(['port', port.id]);
    await heard('network-changed', 3);
    await db.deleteFrom('ports').where('id', '=', port.id).execute();
    await world.mark(['port', port.id]);
    await heard('network-vif-deleted', 1);
    assert.equal(events.length, 4);
  });

  it('accepts changes while the network is away, and shows them when it returns', async () => {
    const net = await world.network();
    await atRest();
    below.lose();
    const subnet = await world.subnet(net, '10.0.0.0/24');
    await world.port(net, [[subnet, '10.0.0.5']]);
    wakeWriter(side);
    below.power(true);
    await atRest();
    assert.deepEqual(
      [
        rows('Logical_Switch').length,
        rows('Logical_Switch_Port').length,
        rows('DHCP_Options').length,
      ],
      [1, 1, 1],
    );
    assert.deepEqual(side.mended(), noDrift, 'what was away is no drift');
  });

  it('mends stray, missing and altered rows, and counts them', async () => {
    const net = await world.network();
    const subnet = await world.subnet(net, '10.0.0.0/24');
    const [lost] = [
      await world.port(net, [[subnet, '10.0.0.5']]),
      await world.port(net, [[subnet, '10.0.0.6']]),
    ];
    await atRest();
    below.vandalize((all) => {
      all.delete(`Logical_Switch_Port port/${lost.id}`);
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
    assert.deepEqual(side.mended(), { inserted: 1, updated: 1, deleted: 1 });
  });

  it('brings along what a port hangs on when the network has lost just that', async () => {
    const net = await world.network();
    const subnet = await world.subnet(net, '10.0.0.0/24');
    const group = await world.group([]);
    await atRest();
    below.vandalize((all) => all.clear());
    await world.database.db.deleteFrom('sdn_changes').execute();
    await world.port(net, [[subnet, '10.0.0.5']], {}, [group]);
    wakeWriter(side);
    await eventually(() => rows('Logical_Switch_Port').length === 1, {
      withinMs: 2_000,
      what: 'the port is there',
    });
    assert.deepEqual(
      [rows('Logical_Switch').length, rows('DHCP_Options').length, rows('Port_Group').length],
      [1, 1, 2],
    );
  });

  it('moves gateways away from a host that no longer answers', async () => {
    const net = await world.network({
      network_type: 'flat',
      physical_network: 'physnet1',
      external: 1,
    });
    const subnet = await world.subnet(net, '192.0.2.0/24');
    await world.router([], [net, subnet, '192.0.2.9']);
    // asked, then heard
    for (let round = 0; round < 2; round += 1) await task('neutron.watch-chassis');
    await atRest();
    const hosts = () =>
      rows('Gateway_Chassis').map((row) =>
        row.table === 'Gateway_Chassis' ? row.columns.chassis_name : '',
      );
    assert.deepEqual(hosts().toSorted(), ['h1', 'h2']);
    const agents = await world.database.db
      .selectFrom('agents')
      .select(['agent_type', 'host'])
      .orderBy('host')
      .execute();
    assert.deepEqual(agents, [
      { agent_type: 'OVN Controller Gateway agent', host: 'h1' },
      { agent_type: 'OVN Controller Gateway agent', host: 'h2' },
    ]);
    below.chassisAlive('h1', false);
    for (let round = 0; round < 4; round += 1) await task('neutron.watch-chassis');
    await eventually(() => hosts().join() === 'h2', {
      withinMs: 2_000,
      what: 'only h2 carries the gateway',
    });
    below.chassisAlive('h2', false);
    for (let round = 0; round < 4; round += 1) await task('neutron.watch-chassis');
  });

  it('says by their signs of life which hosts ports may be bound to', async () => {
    const { db } = world.database;
    const binds = async (host: string, afterMs = 0): Promise<boolean> =>
      await mayBind(db, host, systemClock.now() + afterMs);
    await db.deleteFrom('agents').execute();
    assert.equal(await binds('h3'), true, 'before any host was heard nobody can tell');
    await side.close();
    side = open();
    for (let round = 0; round < 2; round += 1) await task('neutron.watch-chassis');
    assert.deepEqual(
      [await binds('h1'), await binds('h2'), await binds('h3'), await binds('')],
      [true, true, false, true],
    );
    await db
      .updateTable('agents')
      .set({ heartbeat_at_ms: systemClock.now() - 50_000 })
      .where('host', '=', 'h1')
      .execute();
    assert.deepEqual([await binds('h1'), await binds('h2')], [false, true]);
    assert.equal(await binds('h3', 60_000), true, 'where all are silent nobody is ruled out');
  });

  it('is written by one process, and the next one goes on where it ended', async () => {
    const network = createSimNetwork({ chassis: ['h1'] }, { clock: systemClock });
    const [first, second] = [0, 1].map(() => {
      const role = createNeutronOvnWriter({
        ...deps(),
        openSdn: (listeners) => (below = network.open(listeners)),
      });
      return role;
    }) as [OvnWriterRole, OvnWriterRole];
    await side.close();
    const scan = async (role: OvnWriterRole): Promise<void> =>
      await role.tasks[0]?.run(new AbortController().signal);
    await scan(first);
    await scan(second);
    const net = await world.network();
    const subnet = await world.subnet(net, '10.0.0.0/24');
    wakeWriter(first);
    wakeWriter(second);
    side = second;
    await atRest();
    await first.close();
    const port = await world.port(net, [[subnet, '10.0.0.5']], {
      device_owner: 'compute:nova',
      device_id: 'server',
      binding_host_id: 'h1',
    });
    await atRest();
    await eventually(async () => (await portStatus(port.id)).status === 'ACTIVE', {
      withinMs: 5_000,
      what: 'the new writer hears of the binding',
    });
  });

  it('tells what its predecessor did not get to hear, once it is the writer', async () => {
    const network = createSimNetwork({ chassis: ['h1'] }, { clock: systemClock });
    await side.close();
    const other = network.open(); // holds the lock, and tells nobody
    side = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => (below = network.open(listeners)),
    });
    await task('neutron.write-changes');
    const net = await world.network();
    const port = await world.port(net, [], {
      device_owner: 'compute:nova',
      device_id: 'server',
      binding_host_id: 'h1',
    });
    assert.ok(
      !isFault(
        await other.sync([
          { table: 'Logical_Switch', key: 'n', columns: { name: 'n' } },
          {
            table: 'Logical_Switch_Port',
            key: 'p',
            columns: { name: port.id, options: { 'requested-chassis': 'h1' } },
            in: [{ place: 'Logical_Switch.ports', key: 'n' }],
          },
        ]),
      ),
    );
    await eventually(() => other.binding(port.id)?.up === true, {
      withinMs: 2_000,
      what: 'the port is bound',
    });
    assert.equal((await portStatus(port.id)).status, 'DOWN');
    other.close();
    await eventually(
      async () =>
        (await portStatus(port.id)).status === 'ACTIVE' &&
        events.some(({ name, tag }) => name === 'network-vif-plugged' && tag === port.id),
      { withinMs: 5_000, what: 'the port is up, and Nova knows' },
    );
  });

  it('leaves gateways alone until the network has told its hosts', async () => {
    await side.close();
    const network = createSimNetwork(
      { chassis: ['h1', 'h2'], bridgeMappings: 'physnet1:br-ex' },
      { clock: systemClock },
    );
    side = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => (below = network.open(listeners)),
    });
    await task('neutron.write-changes');
    const net = await world.network({
      network_type: 'flat',
      physical_network: 'physnet1',
      external: 1,
    });
    await world.router([], [net, await world.subnet(net, '192.0.2.0/24'), '192.0.2.9']);
    await atRest();
    assert.equal(rows('Gateway_Chassis').length, 2);
    await side.close();
    // A process that begins beside a network that is there: it hears of the rows before it hears of
    // the hosts.
    let tell = (): void => undefined;
    let known = false;
    side = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => {
        const handle = network.open({ ...listeners, bindingsKnown: () => undefined });
        tell = () => {
          known = true;
          listeners.bindingsKnown?.();
        };
        return { ...handle, chassis: () => (known ? handle.chassis() : []) };
      },
    });
    await task('neutron.write-changes');
    const later = await world.network();
    wakeWriter(side);
    await assert.rejects(
      eventually(() => rows('Logical_Switch').length === 2, {
        withinMs: 200,
        what: 'something is written',
      }),
    );
    tell();
    await eventually(
      () => rows('Logical_Switch').some(({ key }) => key === `network/${later.id}`),
      { withinMs: 2_000, what: 'the change arrives' },
    );
    assert.equal(rows('Gateway_Chassis').length, 2);
  });

  it('keeps up with many ports at once', async () => {
    const net = await world.network();
    const subnet = await world.subnet(net, '10.0.0.0/16');
    for (let at = 0; at < 300; at += 1) {
      await world.port(net, [[subnet, `10.0.1.${at}`]]);
      wakeWriter(side);
    }
    await atRest();
    assert.equal(rows('Logical_Switch_Port').length, 300);
  });
});
