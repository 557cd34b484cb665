// The contract of ports/sdn.ts as a test suite. Run by adapters/ovsdb/ovn-sdn.test.ts and
// adapters/sim/sim-sdn.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isFault, type Outcome } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Sdn, SdnListeners, SdnRow } from './sdn.ts';

export interface SdnFixture {
  sdn: Sdn;
  /** Opens another driver over the same network, as a restarted process does. */
  reopen(listeners?: SdnListeners): Sdn;
  /** Changes the rows behind the driver's back: adds an unknown row and renames every switch. */
  vandalize(): Promise<void>;
  close(): Promise<void>;
}

const rest = { inserted: 0, updated: 0, deleted: 0 };
const onSwitch = (
  key: string,
  groups: readonly string[] = [],
): SdnRow & { table: 'Logical_Switch_Port' } => ({
  table: 'Logical_Switch_Port',
  key,
  columns: {
    name: key,
    addresses: ['fa:16:3e:00:00:01 10.0.0.5'],
    dhcpv4_options: { key: 'subnet' },
  },
  in: [
    { place: 'Logical_Switch.ports', key: 'net' },
    ...groups.map((group) => ({ place: 'Port_Group.ports' as const, key: group })),
  ],
});
/** Example rows: at least one for each table. */
export const exampleNetwork: readonly SdnRow[] = [
  onSwitch('port', ['group']),
  {
    table: 'Logical_Switch',
    key: 'net',
    columns: { name: 'net', other_config: { mcast_snoop: 'false' } },
  },
  {
    table: 'DHCP_Options',
    key: 'subnet',
    columns: { cidr: '10.0.0.0/24', options: { router: '10.0.0.1' } },
  },
  { table: 'Port_Group', key: 'group', columns: { name: 'pg_group' } },
  {
    table: 'ACL',
    key: 'rule',
    columns: {
      priority: 1002,
      direction: 'to-lport',
      match: 'outport == @pg_group && ip4 && tcp.dst == 80',
      action: 'allow-related',
    },
    in: [{ place: 'Port_Group.acls', key: 'group' }],
  },
  { table: 'Address_Set', key: 'set', columns: { name: 'as_group', addresses: ['10.0.0.5'] } },
  {
    table: 'DNS',
    key: 'dns',
    columns: { records: { 'host.example.org': '10.0.0.5' } },
    in: [{ place: 'Logical_Switch.dns_records', key: 'net' }],
  },
  {
    table: 'Logical_Router',
    key: 'router',
    columns: { name: 'router', options: { always_learn_from_arp_request: 'false' } },
  },
  {
    table: 'Logical_Router_Port',
    key: 'leg',
    columns: { name: 'lrp-leg', mac: 'fa:16:3e:00:00:02', networks: ['10.0.0.1/24'] },
    in: [{ place: 'Logical_Router.ports', key: 'router' }],
  },
  {
    table: 'Gateway_Chassis',
    key: 'gateway',
    columns: { name: 'lrp-leg_h1', chassis_name: 'h1', priority: 2 },
    in: [{ place: 'Logical_Router_Port.gateway_chassis', key: 'leg' }],
  },
  {
    table: 'NAT',
    key: 'snat',
    columns: {
      type: 'snat',
      external_ip: '192.0.2.1',
      logical_ip: '10.0.0.0/24',
      gateway_port: { key: 'leg' },
    },
    in: [{ place: 'Logical_Router.nat', key: 'router' }],
  },
  {
    table: 'Logical_Router_Static_Route',
    key: 'default',
    columns: { ip_prefix: '0.0.0.0/0', nexthop: '192.0.2.254' },
    in: [{ place: 'Logical_Router.static_routes', key: 'router' }],
  },
];

export function sdnContract(
  name: string,
  setup: () => Promise<SdnFixture>,
  skip: string | false,
): void {
  describe(`sdn contract: ${name}`, { skip }, () => {
    let fixture: SdnFixture;
    let sdn: Sdn;
    before(async () => {
      fixture = await setup();
      sdn = fixture.sdn;
    });
    after(async () => {
      sdn.close();
      await fixture.close();
    });
    const good = <T>(outcome: Outcome<T>): T =>
      isFault(outcome) ? assert.fail(`${outcome.kind}: ${outcome.message}`) : outcome;

    it('fills an empty network with a row of each table, and is then at rest, also for another process', async () => {
      assert.deepEqual(good(await sdn.sync(exampleNetwork)), {
        ...rest,
        inserted: exampleNetwork.length,
      });
      assert.deepEqual(good(await sdn.sync(exampleNetwork)), rest);
      const other = fixture.reopen();
      assert.deepEqual(good(await other.audit(exampleNetwork)), rest);
      other.close();
    });

    it('has one writer, and the next one when that is gone', async () => {
      const second = fixture.reopen();
      good(await second.audit(exampleNetwork));
      assert.deepEqual([sdn.isWriter(), second.isWriter()], [true, false]);
      const switchOnly = exampleNetwork.filter(({ table }) => table === 'Logical_Switch');
      for (const outcome of [await second.sync([]), await second.change(switchOnly, [])])
        assert.equal(isFault(outcome) && outcome.kind, 'unavailable');
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), rest);
      const writerChanges: boolean[] = [];
      const third = fixture.reopen({ writerChanged: (isWriter) => writerChanges.push(isWriter) });
      sdn.close();
      await eventually(() => second.isWriter(), { withinMs: 5_000, what: 'the second writes' });
      assert.deepEqual([third.isWriter(), writerChanges], [false, []]);
      second.close();
      await eventually(() => third.isWriter(), { withinMs: 5_000, what: 'the third writes' });
      assert.deepEqual(writerChanges, [true]);
      assert.deepEqual(good(await third.sync(exampleNetwork)), rest);
      sdn = third;
    });

    it('changes a few rows and leaves the others alone', async () => {
      const renamed: SdnRow = { table: 'Logical_Switch', key: 'net', columns: { name: 'net two' } };
      good(
        await sdn.change(
          [onSwitch('second', ['group']), renamed],
          [
            { table: 'ACL', key: 'rule' },
            { table: 'NAT', key: 'never was' },
          ],
        ),
      );
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), {
        inserted: 1,
        updated: 1,
        deleted: 1,
      });
      good(await sdn.change([], [{ table: 'Logical_Switch_Port', key: 'second' }]));
      assert.deepEqual(good(await sdn.sync(exampleNetwork)), {
        inserted: 1,
        updated: 1,
        deleted: 0,
      });
    });

    it('brings all rows of an owner to what is put, and no row of another one', async () => {
      const rule = (key: string): SdnRow => ({
        table: 'ACL',
        key,
        columns: { priority: 1, direction: 'to-lport', match: 'ip4', action: 'drop' },
        in: [{ place: 'Port_Group.acls', key: 'group' }],
      });
      good(await sdn.change([rule('own'), rule('own#1'), rule('own#2'), rule('owner')], []));
      good(await sdn.change([rule('own#2'), rule('own#3')], [{ owner: 'own' }]));
      assert.deepEqual(
        good(await sdn.audit([...exampleNetwork, rule('own#2'), rule('own#3'), rule('owner')])),
        rest,
      );
      good(await sdn.change([], [{ owner: 'own' }, { owner: 'owner' }, { owner: 'nobody' }]));
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), rest);
    });

    it('may be told the same change twice, at once', async () => {
      const change = () => sdn.change([onSwitch('twice')], []);
      for (const outcome of await Promise.all([change(), change(), change()])) good(outcome);
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), { ...rest, deleted: 1 });
      good(await sdn.sync(exampleNetwork));
    });

    it('says conflict where a row would hang on one that is not there, and does nothing', async () => {
      const outcome = await sdn.change(
        [{ ...onSwitch('lost'), in: [{ place: 'Logical_Switch.ports', key: 'nowhere' }] }],
        [],
      );
      assert.equal(isFault(outcome) && outcome.kind, 'conflict');
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), rest);
    });

    it('mends what another hand did, and counts it', async () => {
      await fixture.vandalize();
      await eventually(async () => good(await sdn.audit(exampleNetwork)).deleted > 0, {
        withinMs: 2_000,
        what: 'the damage is seen',
      });
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), {
        inserted: 0,
        updated: 1,
        deleted: 1,
      });
      assert.deepEqual(good(await sdn.sync(exampleNetwork)), {
        inserted: 0,
        updated: 1,
        deleted: 1,
      });
      assert.deepEqual(good(await sdn.audit(exampleNetwork)), rest);
    });

    it('empties the network', async () => {
      assert.ok(good(await sdn.sync([])).deleted > 0);
      assert.deepEqual(good(await sdn.audit([])), rest);
    });
  });
}
