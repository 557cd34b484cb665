// The contract of ports/bmc.ts as a test suite, for a driver and the BMC of one host that it
// reaches.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { Bmc, EventReceiver, PowerState } from './bmc.ts';

export interface BmcFixture {
  /** The BMC of a host that is on. */
  bmc: Bmc;
  /** Another client of the same BMC, with a wrong password, and that password. */
  stranger(): { bmc: Bmc; password: string };
  /** Whether the host itself runs, asked of the host and not of the BMC. */
  hostRuns(): Promise<boolean>;
  /** How often the host has booted. */
  boots(): Promise<number>;
  /**
   * The host dies without an order. After `hostMayReturn` it starts by itself, unless ordered off.
   */
  hostDies(): Promise<void>;
  hostMayReturn(): Promise<void>;
  /** The BMC stops answering until `heal`. */
  breakBmc(): Promise<void>;
  heal(): Promise<void>;
  /** A receiver for the BMC's events, and the messages that it received. */
  receiver(): Promise<{ receiver: EventReceiver; received(): string[] }>;
  close(): Promise<void>;
}

const withinMs = 10_000;

export function bmcContract(name: string, setup: () => Promise<BmcFixture>): void {
  describe(`BMC contract: ${name}`, () => {
    let fixture: BmcFixture;
    let bmc: Bmc;
    before(async () => {
      fixture = await setup();
      ({ bmc } = fixture);
    });
    after(async () => await fixture?.close());

    const ok = <T>(outcome: Outcome<T>): T => {
      if (isFault(outcome)) assert.fail(`${outcome.kind}: ${outcome.message}`);
      return outcome;
    };
    const becomes = async (wanted: PowerState): Promise<void> => {
      await eventually(async () => ok(await bmc.powerState()) === wanted, {
        withinMs,
        what: `the chassis is ${wanted}`,
      });
    };
    const switchOn = async (): Promise<void> => {
      await eventually(async () => (await bmc.power('On')) === undefined, {
        withinMs,
        what: 'it takes the order',
      });
      await becomes('On');
    };
    const restart = async (): Promise<void> => {
      const boots = await fixture.boots();
      ok(await bmc.power('ForceRestart'));
      await eventually(async () => (await fixture.boots()) === boots + 1, {
        withinMs,
        what: 'it boots again',
      });
      await becomes('On');
    };

    it('cuts the power for good, and gives it again; each twice', async () => {
      await becomes('On');
      assert.equal(await fixture.hostRuns(), true);
      for (const _ of [1, 2]) {
        ok(await bmc.power('ForceOff'));
        await becomes('Off');
        assert.equal(await fixture.hostRuns(), false);
      }
      await fixture.hostMayReturn();
      assert.equal(await fixture.hostRuns(), false, 'nothing but the BMC starts it');
      const boots = await fixture.boots();
      for (const _ of [1, 2]) {
        ok(await bmc.power('On'));
        await becomes('On');
        assert.equal(await fixture.hostRuns(), true);
      }
      assert.equal(await fixture.boots(), boots + 1);
    });

    it('keeps a host off that has died before the order', async () => {
      await switchOn();
      await fixture.hostDies();
      assert.equal(await fixture.hostRuns(), false);
      ok(await bmc.power('ForceOff'));
      await fixture.hostMayReturn();
      await becomes('Off');
      assert.equal(await fixture.hostRuns(), false);
      await switchOn();
    });

    it('leaves a host alone that dies and returns without it', async () => {
      await switchOn();
      await fixture.hostDies();
      await fixture.hostMayReturn();
      await becomes('On');
      assert.equal(await fixture.hostRuns(), true);
    });

    it('restarts a host, and shuts it down; not one that is off', async () => {
      await switchOn();
      await restart();
      ok(await bmc.power('GracefulShutdown'));
      await becomes('Off');
      assert.equal(await fixture.hostRuns(), false);
      for (const action of ['ForceRestart', 'GracefulShutdown'] as const) {
        const refusal = await bmc.power(action);
        assert.ok(isFault(refusal) && refusal.kind === 'conflict', action);
      }
      assert.equal(ok(await bmc.powerState()), 'Off');
      await switchOn();
    });

    it('boots once from where it is told, or always', async () => {
      await switchOn();
      assert.deepEqual(ok(await bmc.bootOverride()), { enabled: 'Disabled', target: 'None' });
      for (const _ of [1, 2]) ok(await bmc.overrideBoot({ enabled: 'Once', target: 'Pxe' }));
      assert.deepEqual(ok(await bmc.bootOverride()), { enabled: 'Once', target: 'Pxe' });
      await restart();
      assert.deepEqual(ok(await bmc.bootOverride()), { enabled: 'Disabled', target: 'None' });
      ok(await bmc.overrideBoot({ enabled: 'Continuous', target: 'Hdd' }));
      await restart();
      assert.deepEqual(ok(await bmc.bootOverride()), { enabled: 'Continuous', target: 'Hdd' });
      ok(await bmc.overrideBoot({ enabled: 'Disabled', target: 'None' }));
      assert.deepEqual(ok(await bmc.bootOverride()), { enabled: 'Disabled', target: 'None' });
    });

    it('tells what the host is and how it fares', async () => {
      await switchOn();
      const inventory = ok(await bmc.inventory());
      assert.match(inventory.uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.notEqual(inventory.manufacturer, '');
      assert.deepEqual(ok(await bmc.inventory()), inventory, 'twice the same');
      const units = {
        temperature: ['Cel'],
        fan: ['RPM', 'Percent'],
        power: ['W'],
        voltage: ['V'],
      };
      const sensors = ok(await bmc.sensors());
      assert.ok(sensors.length > 0);
      for (const { kind, unit, name: sensor } of sensors)
        assert.ok((units[kind] as string[]).includes(unit), `${sensor}: ${unit}`);
    });

    it('notes what was done in its log, and sends it to who subscribed, once', async () => {
      await switchOn();
      const { receiver, received } = await fixture.receiver();
      for (const _ of [1, 2]) ok(await bmc.subscribe(receiver));
      const before = ok(await bmc.events());
      ok(await bmc.power('ForceOff'));
      await becomes('Off');
      const isNew = ({ id }: { id: string }): boolean =>
        !before.some((earlier) => earlier.id === id);
      await eventually(async () => ok(await bmc.events()).some(isNew), {
        withinMs,
        what: 'the log has it',
      });
      const entries = ok(await bmc.events());
      assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
      const off = entries.filter(isNew).at(-1)?.message ?? '';
      await eventually(() => received().includes(off), { withinMs, what: `${off} arrives` });
      assert.equal(received().filter((message) => message === off).length, 1);
      for (const _ of [1, 2]) ok(await bmc.unsubscribe(receiver));
      const count = received().length;
      await switchOn();
      await eventually(async () => ok(await bmc.events()).length > entries.length, {
        withinMs,
        what: 'the log goes on',
      });
      assert.equal(received().length, count, 'nothing comes any more');
    });

    it('refuses who has another password, and tells nobody which', async () => {
      const { bmc: strangersBmc, password } = fixture.stranger();
      try {
        for (const outcome of [
          await strangersBmc.powerState(),
          await strangersBmc.power('ForceOff'),
          await strangersBmc.inventory(),
          await strangersBmc.events(),
        ]) {
          assert.ok(isFault(outcome) && outcome.kind === 'forbidden', JSON.stringify(outcome));
          assert.ok(!JSON.stringify(outcome).includes(password));
        }
      } finally {
        await strangersBmc.close();
      }
      assert.equal(await fixture.hostRuns(), true);
    });

    it('says so while the BMC does not answer, and works on afterwards', async () => {
      await switchOn();
      await fixture.breakBmc();
      for (const outcome of [await bmc.powerState(), await bmc.power('ForceOff')])
        assert.ok(
          isFault(outcome) && (outcome.kind === 'unavailable' || outcome.kind === 'timeout'),
          JSON.stringify(outcome),
        );
      await fixture.heal();
      assert.equal(isFault(await bmc.powerState()), false);
      await switchOn();
    });

    it('is of no use once it is closed; twice is fine', async () => {
      for (const _ of [1, 2]) await bmc.close();
      const outcome = await bmc.powerState();
      assert.ok(isFault(outcome) && outcome.kind === 'unavailable');
    });
  });
}
