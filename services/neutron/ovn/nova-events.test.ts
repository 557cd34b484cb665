// The events that Nova is sent when OVN's port bindings or Neutron's addresses change.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSimNetwork } from '#adapters/sim/sim-sdn.ts';
import { isFault } from '#contracts/common/fault.ts';
import type { ServerExternalEvent } from '#contracts/nova/wire.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { Bindings } from './bindings.ts';
import { wakeWriter } from './neutron-tables.testing.ts';
import { atRest, deps, ovn, portStatus, task, useOvnWriter } from './role.testing.ts';
import { createNeutronOvnWriter } from './role.ts';

describe('events for Nova', () => {
  useOvnWriter();

  it('tells Nova of ports that came up and went down, once each, also when Nova was away', async () => {
    const net = await ovn.world.network();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/24');
    ovn.refusals = 2;
    const port = await ovn.world.port(net, [[subnet, '10.0.0.5']], {
      device_owner: 'compute:nova',
      device_id: 'server',
      binding_host_id: 'h1',
    });
    const unbound = await ovn.world.port(net, [[subnet, '10.0.0.6']], {
      device_owner: 'compute:nova',
      device_id: 'other',
    });
    wakeWriter(ovn.writer);
    await eventually(() => ovn.events.length > 0, { withinMs: 5_000, what: 'Nova hears' });
    assert.deepEqual(ovn.events, [
      { name: 'network-vif-plugged', server_uuid: 'server', tag: port.id, status: 'completed' },
    ]);
    assert.deepEqual(await portStatus(port.id), { status: 'ACTIVE', revision_number: 2 });
    assert.deepEqual(await portStatus(unbound.id), { status: 'DOWN', revision_number: 1 });
    await ovn.world.database.db
      .updateTable('ports')
      .set({ binding_host_id: '' })
      .where('id', '=', port.id)
      .execute();
    await ovn.world.mark(['port', port.id]);
    wakeWriter(ovn.writer);
    await eventually(() => ovn.events.length > 1, { withinMs: 5_000, what: 'Nova hears again' });
    assert.equal(ovn.events[1]?.name, 'network-vif-unplugged');
    assert.equal((await portStatus(port.id)).status, 'DOWN');
    assert.equal(ovn.events.length, 2);
  });

  it('tells Nova of floating IPs and addresses that came and went at its servers', async () => {
    const [net, outside] = [
      await ovn.world.network(),
      await ovn.world.network({ network_type: 'flat', physical_network: 'physnet1', external: 1 }),
    ];
    const [subnet, publicSubnet] = [
      await ovn.world.subnet(net, '10.0.0.0/24'),
      await ovn.world.subnet(outside, '192.0.2.0/24', { enable_dhcp: 0 }),
    ];
    const port = await ovn.world.port(net, [[subnet, '10.0.0.5']], {
      device_owner: 'compute:nova',
      device_id: 'server',
    });
    const router = await ovn.world.router(
      [[net, subnet, '10.0.0.1']],
      [outside, publicSubnet, '192.0.2.9'],
    );
    await atRest();
    const { db } = ovn.world.database;
    const untilEvents = async (name: string, count: number): Promise<void> => {
      wakeWriter(ovn.writer);
      await eventually(() => ovn.events.filter((each) => each.name === name).length === count, {
        withinMs: 2_000,
        what: `${count} times ${name}`,
      });
      assert.deepEqual(ovn.events.at(-1), {
        name,
        server_uuid: 'server',
        tag: port.id,
        status: 'completed',
      });
    };
    const floatingIp = await ovn.world.floatingIp(
      [outside, publicSubnet, '192.0.2.50'],
      router,
      port,
      '10.0.0.5',
    );
    await untilEvents('network-changed', 1);
    await db
      .updateTable('floating_ips')
      .set({ fixed_port_id: null, fixed_ip_address: null, router_id: null })
      .execute();
    await ovn.world.mark(['floating_ip', floatingIp]);
    await untilEvents('network-changed', 2);
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
    await ovn.world.mark(['port', port.id]);
    await untilEvents('network-changed', 3);
    await db.deleteFrom('ports').where('id', '=', port.id).execute();
    await ovn.world.mark(['port', port.id]);
    await untilEvents('network-vif-deleted', 1);
    assert.equal(ovn.events.length, 4);
  });

  it('forgets nothing that it heard while its database was away', async () => {
    const net = await ovn.world.network();
    const port = await ovn.world.port(net, [], {
      device_owner: 'compute:nova',
      device_id: 'server',
    });
    // The connection is lost before the statuses are written, or just after.
    const losses: ((isWriting: boolean) => Promise<void>)[] = [
      async () => assert.fail('the connection was lost'),
      async (isWriting) => {
        if (!isWriting) return;
        await ovn.world.database.db.updateTable('ports').set({ status: 'ACTIVE' }).execute();
        assert.fail('the connection was lost');
      },
    ];
    let tries = 0;
    const db = ovn.world.database.db.withPlugin({
      transformQuery: ({ node }) => {
        if (node.kind === 'SelectQueryNode') tries += 1;
        return node;
      },
      transformResult: async ({ result }) => {
        await losses[tries - 1]?.(result.numAffectedRows !== undefined);
        return result;
      },
    });
    const queuedEvents: ServerExternalEvent[] = [];
    const bindings = new Bindings({
      ...deps(),
      database: { ...ovn.world.database, db },
      nova: { queue: (events) => void queuedEvents.push(...events) },
    });
    bindings.hear(port.id, { port: port.id, chassis: 'h1', up: true });
    await eventually(() => queuedEvents.length > 0, { withinMs: 5_000, what: 'Nova hears' });
    await bindings.close();
    assert.equal(tries, losses.length + 1);
    assert.deepEqual(queuedEvents, [
      { name: 'network-vif-plugged', server_uuid: 'server', tag: port.id, status: 'completed' },
    ]);
    assert.equal((await portStatus(port.id)).status, 'ACTIVE');
  });

  it('tells what its predecessor did not get to hear, once it is the writer', async () => {
    const network = createSimNetwork({ chassis: ['h1'] }, { clock: systemClock });
    await ovn.writer.close();
    const other = network.open(); // a second process holds the lock and sends no events
    ovn.writer = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => (ovn.network = network.open(listeners)),
    });
    await task('neutron.write-changes');
    const net = await ovn.world.network();
    const port = await ovn.world.port(net, [], {
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
        ovn.events.some(({ name, tag }) => name === 'network-vif-plugged' && tag === port.id),
      { withinMs: 5_000, what: 'the port is up, and Nova knows' },
    );
  });
});
