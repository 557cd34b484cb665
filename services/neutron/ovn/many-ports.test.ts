// Writes ten thousand ports into an empty northbound database, then one more, and prints the times.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startPrivateOvn, whyNoOvn } from '#adapters/ovsdb/ovn.testing.ts';
import { isFault } from '#contracts/common/fault.ts';
import { createInProcessBus } from '#platform/bus/in-process-bus.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog, type Log } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { neutronDefaults } from '../deps.ts';
import { allSubjects } from '../store/sdn-changes.ts';
import { readFacts } from '../store/sdn-facts.ts';
import { NeutronWorld, wakeWriter } from './neutron-tables.testing.ts';
import { createNeutronOvnWriter } from './role.ts';

it(
  '10,000 ports reach an empty northbound database within the bar, and a change among them takes a moment',
  { skip: (await whyNoOvn()) ?? false },
  async (t) => {
    const [ovn, world] = await Promise.all([startPrivateOvn(), NeutronWorld.open()]);
    const group = await world.group([{ protocol: 'tcp', port_range_min: 22, port_range_max: 22 }]);
    const nets = [];
    for (let at = 0; at < 10; at += 1) {
      const net = await world.network();
      const subnet = await world.subnet(net, `10.${at}.0.0/20`);
      nets.push({ net, subnet });
      for (let each = 0; each < 1_000; each += 1)
        await world.port(
          net,
          [[subnet, `10.${at}.${Math.floor(each / 250)}.${(each % 250) + 2}`]],
          {},
          [group],
        );
    }
    await world.database.db.deleteFrom('sdn_changes').execute();
    let written = false;
    const log: Log = {
      ...silentLog,
      info: (_facts, message) => void (written ||= message === 'OVN brought up to date'),
      warn: () => undefined,
      error: () => undefined,
      debug: () => undefined,
      child: () => silentLog,
    };
    const side = createNeutronOvnWriter({
      database: world.database,
      clock: systemClock,
      ids: systemIds,
      log,
      config: neutronDefaults,
      session: { token: async () => 'token', renew: () => undefined },
      http: { send: async () => ({ status: 200, headers: {}, body: {}, stream: undefined }) },
      bus: createInProcessBus({ log: silentLog, clock: systemClock, ids: systemIds }),
      openSdn: (listeners) => ovn.open(listeners),
    });
    t.after(async () => {
      await side.close();
      await Promise.all([ovn.close(), world.close()]);
    });
    const atRest = async (): Promise<boolean> => {
      const audit = await side.audit();
      return (
        !isFault(audit) && audit.pending + audit.inserted + audit.updated + audit.deleted === 0
      );
    };
    const took = (since: number): number => Math.round(performance.now() - since);

    const begun = performance.now();
    for (const task of side.tasks) if (task.atStart) await task.run(new AbortController().signal);
    await eventually(() => written, {
      withinMs: 20_000,
      what: 'all ports are in the northbound database',
    });
    const filledMs = took(begun);
    assert.ok(await atRest());
    const read = performance.now();
    const facts = await readFacts(world.database.db, await allSubjects(world.database.db));
    const readMs = took(read);
    assert.equal(facts.ports.length, 10_000);
    const [first] = nets;
    assert.ok(first);
    const change = performance.now();
    await world.port(first.net, [[first.subnet, '10.0.15.250']], {}, [group]);
    wakeWriter(side);
    await eventually(
      async () =>
        (await world.database.db.selectFrom('sdn_changes').selectAll().execute()).length === 0,
      { withinMs: 5_000, what: 'one more port is written', everyMs: 1 },
    );
    const changedMs = took(change);
    const compare = performance.now();
    assert.ok(await atRest());
    t.diagnostic(
      `empty to full ${filledMs} ms, whole read ${readMs} ms, one more ${changedMs} ms, compared ${took(compare)} ms`,
    );
    assert.ok(filledMs < 20_000);
  },
);
