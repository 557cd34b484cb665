// The OVN writer and the hosts: a single writer at a time, liveness of hosts, placement of
// gateways.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSimNetwork } from '#adapters/sim/sim-sdn.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { mayBind } from '../store/agents.ts';
import { wakeWriter } from './neutron-tables.testing.ts';
import { atRest, deps, open, ovn, portStatus, rows, task, useOvnWriter } from './role.testing.ts';
import { createNeutronOvnWriter, type OvnWriterRole } from './role.ts';

describe('the writer and the hosts of the network', () => {
  useOvnWriter();

  it('moves gateways away from a host that no longer answers', async () => {
    const net = await ovn.world.network({
      network_type: 'flat',
      physical_network: 'physnet1',
      external: 1,
    });
    const subnet = await ovn.world.subnet(net, '192.0.2.0/24');
    await ovn.world.router([], [net, subnet, '192.0.2.9']);
    // the first round asks the hosts, the second reads their answers
    for (let round = 0; round < 2; round += 1) await task('neutron.watch-chassis');
    await atRest();
    const hosts = () =>
      rows('Gateway_Chassis').map((row) =>
        row.table === 'Gateway_Chassis' ? row.columns.chassis_name : '',
      );
    assert.deepEqual(hosts().toSorted(), ['h1', 'h2']);
    const agents = await ovn.world.database.db
      .selectFrom('agents')
      .select(['agent_type', 'host'])
      .orderBy('host')
      .execute();
    assert.deepEqual(agents, [
      { agent_type: 'OVN Controller Gateway agent', host: 'h1' },
      { agent_type: 'OVN Controller Gateway agent', host: 'h2' },
    ]);
    ovn.network.chassisAlive('h1', false);
    for (let round = 0; round < 4; round += 1) await task('neutron.watch-chassis');
    await eventually(() => hosts().join() === 'h2', {
      withinMs: 2_000,
      what: 'only h2 carries the gateway',
    });
    ovn.network.chassisAlive('h2', false);
    for (let round = 0; round < 4; round += 1) await task('neutron.watch-chassis');
  });

  it('forgets a host that an operator has taken out, when it is silent', async () => {
    for (let round = 0; round < 2; round += 1) await task('neutron.watch-chassis');
    const { db } = ovn.world.database;
    await db.updateTable('agents').set({ deleted_at_ms: 1 }).where('host', '=', 'h1').execute();
    const chassisNames = (): string[] => ovn.network.chassis().map(({ name }) => name);
    const watch = async (): Promise<void> => {
      for (let round = 0; round < 5; round += 1) await task('neutron.watch-chassis');
    };
    await watch();
    assert.deepEqual(chassisNames(), ['h1', 'h2'], 'it still runs, and would come back at once');
    assert.equal(await mayBind(db, 'h1', systemClock.now()), false, 'but carries no new ports');
    ovn.network.chassisAlive('h1', false);
    ovn.network.chassisAlive('h2', false);
    await watch();
    assert.deepEqual(chassisNames(), ['h2'], 'one that is only silent stays');
    ovn.network.chassisAlive('h2', true);
  });

  it('says by their signs of life which hosts ports may be bound to', async () => {
    const { db } = ovn.world.database;
    const binds = async (host: string, afterMs = 0): Promise<boolean> =>
      await mayBind(db, host, systemClock.now() + afterMs);
    await db.deleteFrom('agents').execute();
    assert.equal(await binds('h3'), true, 'before any host was heard nobody can tell');
    await ovn.writer.close();
    ovn.writer = open();
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
        openSdn: (listeners) => (ovn.network = network.open(listeners)),
      });
      return role;
    }) as [OvnWriterRole, OvnWriterRole];
    await ovn.writer.close();
    const scan = async (role: OvnWriterRole): Promise<void> =>
      await role.tasks[0]?.run(new AbortController().signal);
    await scan(first);
    await scan(second);
    const net = await ovn.world.network();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/24');
    wakeWriter(first);
    wakeWriter(second);
    ovn.writer = second;
    await atRest();
    await first.close();
    const port = await ovn.world.port(net, [[subnet, '10.0.0.5']], {
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

  it('leaves gateways alone until the network has told its hosts', async () => {
    await ovn.writer.close();
    const network = createSimNetwork(
      { chassis: ['h1', 'h2'], bridgeMappings: 'physnet1:br-ex' },
      { clock: systemClock },
    );
    ovn.writer = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => (ovn.network = network.open(listeners)),
    });
    await task('neutron.write-changes');
    const net = await ovn.world.network({
      network_type: 'flat',
      physical_network: 'physnet1',
      external: 1,
    });
    await ovn.world.router([], [net, await ovn.world.subnet(net, '192.0.2.0/24'), '192.0.2.9']);
    await atRest();
    assert.equal(rows('Gateway_Chassis').length, 2);
    await ovn.writer.close();
    // A process that starts while OVN has rows already: it receives the rows before the chassis.
    let tell = (): void => undefined;
    let bindingsKnown = false;
    ovn.writer = createNeutronOvnWriter({
      ...deps(),
      openSdn: (listeners) => {
        const handle = network.open({ ...listeners, bindingsKnown: () => undefined });
        tell = () => {
          bindingsKnown = true;
          listeners.bindingsKnown?.();
        };
        return { ...handle, chassis: () => (bindingsKnown ? handle.chassis() : []) };
      },
    });
    await task('neutron.write-changes');
    const later = await ovn.world.network();
    wakeWriter(ovn.writer);
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
    const net = await ovn.world.network();
    const subnet = await ovn.world.subnet(net, '10.0.0.0/16');
    for (let at = 0; at < 300; at += 1) {
      await ovn.world.port(net, [[subnet, `10.0.1.${at}`]]);
      wakeWriter(ovn.writer);
    }
    await atRest();
    assert.equal(rows('Logical_Switch_Port').length, 300);
  });
});
