// The port `sdn` on real OVN databases. Where a test needs northd it runs a real one; elsewhere the
// test itself does what northd and ovn-controller would do.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { silentLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { exampleNetwork, sdnContract } from '#ports/sdn.testing.ts';
import type { PortBinding, SdnListeners, SdnRow } from '#ports/sdn.ts';
import { OvsdbClient } from './client.ts';
import { northbound } from './northbound.gen.ts';
import { startNorthd, whyNoNorthd } from './northd.testing.ts';
import { operationsOf } from './operations.ts';
import { createOvnSdn } from './ovn-sdn.ts';
import { startPrivateOvsdb, whyNoOvsdb } from './ovsdb-server.testing.ts';
import { southbound } from './southbound.gen.ts';

const whyNot = await whyNoOvsdb();
const skip = whyNot === null ? false : `no ovsdb-server here: ${whyNot}`;
const withoutNorthd = (await whyNoNorthd()) ?? false;
const [nb, sb] = [operationsOf(northbound), operationsOf(southbound)];

async function ovn() {
  const [north, south] = await Promise.all([
    startPrivateOvsdb(),
    startPrivateOvsdb({ schema: 'ovn-sb' }),
  ]);
  const open = (listeners?: SdnListeners) =>
    createOvnSdn(
      { northbound: [north.unix], southbound: [south.unix], strays: 'remove' },
      { log: silentLog },
      listeners,
    );
  return {
    north,
    south,
    open,
    close: async () => void (await Promise.all([north.close(), south.close()])),
  };
}

sdnContract(
  'OVN',
  async () => {
    const { north, open, close } = await ovn();
    const sdn = open();
    const vandal = new OvsdbClient(
      { remotes: [north.tcp], schema: northbound },
      { log: silentLog },
    );
    return {
      sdn,
      reopen: open,
      vandalize: async () =>
        void (await vandal.transact([
          nb.insert('Address_Set', { name: 'stray' }),
          nb.update('Logical_Switch', [], { name: 'vandalized' }),
        ])),
      close: async () => {
        vandal.close();
        await close();
      },
    };
  },
  skip,
);

describe('OVN', { skip }, () => {
  it('tells where ports are bound and which chassis answers', async (t) => {
    const { north, south, open, close } = await ovn();
    const changes: [string, PortBinding | null][] = [];
    const sdn = open({ portChanged: (port, binding) => changes.push([port, binding]) });
    const [northd, controller] = [
      new OvsdbClient({ remotes: [north.unix], schema: northbound }, { log: silentLog }),
      new OvsdbClient({ remotes: [south.unix], schema: southbound }, { log: silentLog }),
    ];
    t.after(async () => {
      for (const client of [sdn, northd, controller]) client.close();
      await close();
    });
    const early = await sdn.askChassis();
    assert.equal(isFault(early) && early.kind, 'unavailable', 'northd has not made NB_Global yet');
    await northd.transact([nb.insert('NB_Global', {})]);
    assert.deepEqual(await Promise.all([sdn.askChassis(), sdn.askChassis()]), [1, 2]);

    await controller.transact([
      sb.insert(
        'Encap',
        { type: 'geneve', ip: '172.31.0.11', chassis_name: 'h1' },
        { uuidName: 'e' },
      ),
      sb.insert(
        'Chassis',
        {
          name: 'h1',
          hostname: 'host-1',
          encaps: [{ named: 'e' }],
          other_config: { 'ovn-bridge-mappings': 'public:br-ex' },
        },
        { uuidName: 'c' },
      ),
      sb.insert('Chassis_Private', { name: 'h1', nb_cfg: 2 }),
      sb.insert('Datapath_Binding', { tunnel_key: 1 }, { uuidName: 'd' }),
      sb.insert('Port_Binding', {
        logical_port: 'p1',
        datapath: { named: 'd' },
        tunnel_key: 1,
        chassis: { named: 'c' },
      }),
    ]);
    await controller.transact([
      sb.update('Port_Binding', [['logical_port', '==', 'p1']], { up: true }),
    ]);
    await controller.transact([sb.delete('Port_Binding', [['logical_port', '==', 'p1']])]);
    await eventually(() => changes.length === 3, {
      withinMs: 2_000,
      what: 'three changes of the port',
    });
    assert.deepEqual(changes, [
      ['p1', { port: 'p1', chassis: 'h1', up: false }],
      ['p1', { port: 'p1', chassis: 'h1', up: true }],
      ['p1', null],
    ]);
    assert.deepEqual(sdn.chassis(), [
      {
        name: 'h1',
        hostname: 'host-1',
        options: { 'ovn-bridge-mappings': 'public:br-ex' },
        generation: 2,
      },
    ]);
    for (let round = 0; round < 2; round += 1)
      assert.equal(await sdn.removeChassis('h1'), undefined, 'also a second time');
    await eventually(() => sdn.chassis().length === 0, {
      withinMs: 2_000,
      what: 'the chassis is gone',
    });
    const [encaps, confirmed] = await controller.transact([
      sb.select('Encap', [], ['ip']),
      sb.select('Chassis_Private', [], ['name']),
    ]);
    assert.deepEqual([encaps.rows, confirmed.rows], [[], []], 'with its tunnels and its answers');
  });

  it(
    'is understood by northd, also when rows come back under the UUIDs they had',
    { skip: withoutNorthd },
    async (t) => {
      const { north, south, open, close } = await ovn();
      const northd = await startNorthd(north.unix, south.unix);
      const sdn = open();
      const reader = new OvsdbClient(
        { remotes: [south.unix], schema: southbound },
        { log: silentLog },
      );
      t.after(async () => {
        sdn.close();
        reader.close();
        await northd.close();
        await close();
      });
      const flowsFor = async (match: string) =>
        (await reader.transact([sb.select('Logical_Flow', [], ['match'])]))[0].rows.filter((flow) =>
          flow.match.includes(match),
        ).length;
      const untilBound = async (there: boolean) => {
        await eventually(
          async () =>
            (sdn.binding('port') !== null) === there &&
            (await flowsFor('tcp.dst == 80')) > 0 === there,
          {
            withinMs: 10_000,
            what: `northd ${there ? 'made' : 'removed'} the binding and the flows`,
          },
        );
      };
      for (let round = 0; round < 2; round += 1) {
        assert.ok(!isFault(await sdn.sync(exampleNetwork)));
        await untilBound(true);
        assert.ok(!isFault(await sdn.sync([])));
        await untilBound(false);
      }
      // The network is removed and written again before northd reads.
      assert.ok(!isFault(await sdn.sync(exampleNetwork)));
      await untilBound(true);
      assert.ok(!isFault(await sdn.sync([])) && !isFault(await sdn.sync(exampleNetwork)));
      assert.ok(!isFault(await sdn.askChassis()));
      await eventually(
        async () => {
          const [
            {
              rows: [global],
            },
          ] = await reader.transact([sb.select('SB_Global', [], ['nb_cfg'])]);
          return global?.nb_cfg === 1;
        },
        { withinMs: 10_000, what: 'northd has taken all of it' },
      );
      await untilBound(true);
    },
  );

  it('rebuilds a northbound database that was lost', async (t) => {
    const { north, open, close } = await ovn();
    let returned = 0;
    const sdn = open({ returned: () => (returned += 1) });
    t.after(async () => {
      sdn.close();
      await close();
    });
    const rows: SdnRow[] = [
      { table: 'Logical_Switch', key: 'n', columns: { name: 'n' } },
      {
        table: 'Logical_Switch_Port',
        key: 'p',
        columns: { name: 'p' },
        in: [{ place: 'Logical_Switch.ports', key: 'n' }],
      },
    ];
    const built = { inserted: 2, updated: 0, deleted: 0 };
    assert.deepEqual(await sdn.sync(rows), built);
    await north.lose();
    await north.start();
    await eventually(() => returned === 2, {
      withinMs: 5_000,
      what: 'the driver hears that OVN is back',
    });
    assert.deepEqual(await sdn.sync(rows), built);
  });

  it('says unavailable or timeout in bounded time where there is none', async () => {
    const sdn = createOvnSdn(
      {
        northbound: ['unix:/nonexistent/nb.sock'],
        southbound: ['unix:/nonexistent/sb.sock'],
        strays: 'keep',
        awayTimeoutMs: 200,
      },
      { log: silentLog },
    );
    const [chassisAnswer, synced] = await Promise.all([sdn.askChassis(), sdn.sync([])]);
    assert.equal(isFault(chassisAnswer) && chassisAnswer.kind, 'unavailable');
    assert.equal(isFault(synced) && synced.kind, 'timeout');
    sdn.close();
  });
});
