// Runs the contract of ports/sdn.ts on the simulated network, and tests that its chassis bind the
// ports that request them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { systemClock } from '#platform/clock.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { sdnContract } from '#ports/sdn.testing.ts';
import type { PortBinding, SdnRow } from '#ports/sdn.ts';
import { createSimNetwork, createSimSdn } from './sim-sdn.ts';
import { simulateChassis } from './simulate-chassis.ts';

sdnContract(
  'sim',
  async () => {
    const network = createSimNetwork({ chassis: ['h1'] }, { clock: systemClock });
    const sdn = network.open();
    return {
      sdn,
      reopen: (listeners) => network.open(listeners),
      vandalize: async () =>
        sdn.vandalize((rows) => {
          rows.set('Address_Set stray', {
            table: 'Address_Set',
            key: 'stray',
            columns: { name: 'stray' },
          });
          for (const [name, row] of rows)
            if (row.table === 'Logical_Switch')
              rows.set(name, { ...row, columns: { ...row.columns, name: 'vandalized' } });
        }),
      close: async () => undefined,
    };
  },
  false,
);

const net: SdnRow = { table: 'Logical_Switch', key: 'network/n', columns: { name: 'n' } };
const port = (name: string, host?: string): SdnRow => ({
  table: 'Logical_Switch_Port',
  key: `port/${name}`,
  columns: { name, options: host === undefined ? {} : { 'requested-chassis': host } },
  in: [{ place: 'Logical_Switch.ports', key: 'network/n' }],
});

describe('simulated chassis', () => {
  for (const [where, simulated] of [
    ['in a network in memory', false],
    ['beside another network', true],
  ] as const) {
    it(`bind the ports that ask for them, ${where}`, async () => {
      const changes: [string, PortBinding | null][] = [];
      const listeners = {
        portChanged: (name: string, binding: PortBinding | null) =>
          void changes.push([name, binding]),
      };
      const deps = { clock: systemClock };
      const sdn = simulated
        ? simulateChassis(
            (inner) => createSimSdn({ chassis: ['h1'] }, deps, inner),
            ['h2', 'h3'],
            deps,
          )(listeners)
        : createSimSdn({ chassis: ['h1', 'h2', 'h3'] }, deps, listeners);
      assert.ok(!isFault(await sdn.sync([net, port('a', 'h2'), port('b')])));
      assert.deepEqual(sdn.binding('a'), { port: 'a', chassis: 'h2', up: true });
      assert.deepEqual(sdn.binding('b'), { port: 'b', chassis: null, up: false });
      assert.ok(
        !isFault(await sdn.change([port('b', 'h3'), port('c', 'h1')], [{ owner: 'port/a' }])),
      );
      await eventually(
        () =>
          changes.some(([name, binding]) => name === 'a' && binding === null) &&
          changes.some(([name, binding]) => name === 'c' && binding?.up),
        { withinMs: 1_000, what: 'a is gone and c is up' },
      );
      assert.deepEqual(changes.filter(([name]) => name === 'b').at(-1), [
        'b',
        { port: 'b', chassis: 'h3', up: true },
      ]);
      const generation = await sdn.askChassis();
      assert.deepEqual(
        sdn.chassis().map((each) => [each.name, each.generation === generation]),
        [
          ['h1', true],
          ['h2', true],
          ['h3', true],
        ],
      );
      sdn.close();
    });
  }
});
