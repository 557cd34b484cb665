// What the engine's metrics say of a simulated fleet: each event once, by the process that wrote
// it, however many processes there are and whenever they start.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { HaConfig } from '../deps.ts';
import type { Engine, TestFleet } from './engine.testing.ts';
import { addServer, startTestFleet } from './engine.testing.ts';
import { observeHosts } from './watch-hosts.ts';

let fleet: TestFleet;
let engine: Engine;
const begin = async (hosts: number, config: Partial<HaConfig> = {}): Promise<void> => {
  const names = Array.from({ length: hosts }, (_, index) => `h${index + 1}`);
  fleet = await startTestFleet(names, config);
  engine = fleet.startEngine();
  await fleet.run(engine, 3);
};
afterEach(async () => await fleet.close());

/** Values by name and labels, `cobalt_ha_` left out. */
const valuesOf = async ({ metrics }: Engine): Promise<Record<string, number>> =>
  Object.fromEntries(
    [...(await metrics.text()).matchAll(/^cobalt_ha_(\S+) (\S+)$/gm)].map(([, series, value]) => [
      series,
      Number(value),
    ]),
  );
/** Of all these processes together. */
const sumOf = async (engines: readonly Engine[], series: string): Promise<number> =>
  (await Promise.all(engines.map(valuesOf))).reduce((sum, all) => sum + (all[series] ?? NaN), 0);
const statesOf = async (of: Engine): Promise<string[]> =>
  Object.entries(await valuesOf(of))
    .filter(([series]) => series.startsWith('host_state{'))
    .map(
      ([series, value]) =>
        `${/host="(\w+)"/.exec(series)?.[1]} ${/state="(\w+)"/.exec(series)?.[1]} ${value}`,
    );

const happened = [
  'incidents_total{result="recovered"}',
  'servers_total{result="succeeded"}',
  'servers_total{result="ignored"}',
  'detect_seconds_count',
  'fence_seconds_count',
  'first_server_seconds_count',
  'last_server_seconds_count',
] as const;
const addServers = (): void => {
  for (const id of ['vm1', 'vm2']) addServer(fleet, id, 'h1');
  addServer(fleet, 'never', 'h1', { metadata: { HA_Enabled: 'False' } });
};

describe('the metrics of HA', () => {
  it('tell how long a recovery took, and what became of each server', async () => {
    await begin(3);
    addServers();
    fleet.die('h1');
    await fleet.reaches(engine, 'h1', 'Recovered');
    const values = await valuesOf(engine);
    assert.deepEqual(
      happened.map((series) => values[series]),
      [1, 2, 1, 1, 1, 1, 1],
    );
    const seconds = (name: string): number => values[`${name}_seconds_sum`] ?? Number.NaN;
    assert.ok(seconds('detect') >= 6 && seconds('detect') < 9, `detected in ${seconds('detect')}`);
    assert.ok(seconds('fence') >= 1 && seconds('fence') < 4, `fenced in ${seconds('fence')}`);
    const before = seconds('detect') + seconds('fence');
    assert.ok(
      seconds('first_server') > before && seconds('last_server') >= seconds('first_server'),
    );
    assert.ok(seconds('last_server') < 20, `the last one after ${seconds('last_server')}`);
    assert.equal(values['incidents_total{result="incomplete"}'], 0);
  });

  it('count each event once where two processes look at the same time', async () => {
    await begin(3);
    const other = fleet.startEngine();
    await fleet.run(other, 3);
    addServers();
    fleet.die('h1');
    for (let second = 0; (await fleet.state('h1')) !== 'Recovered'; second += 1) {
      assert.ok(second < 60, `h1 is ${await fleet.state('h1')}`);
      await fleet.run(engine, 1, [other]);
    }
    const sums = happened.map(async (series) => await sumOf([engine, other], series));
    assert.deepEqual(await Promise.all(sums), [1, 2, 1, 1, 1, 1, 1]);
  });

  it('count what a process that takes over ends, with the times from the beginning', async () => {
    await begin(3);
    addServers();
    fleet.die('h1');
    await fleet.reaches(engine, 'h1', 'Evacuating');
    const next = fleet.startEngine();
    assert.equal((await valuesOf(next))['fence_seconds_count'], 0, 'a restart begins anew');
    await fleet.reaches(next, 'h1', 'Recovered');
    const values = await valuesOf(next);
    assert.deepEqual(
      happened.map((series) => values[series]),
      [1, 2, 0, 0, 0, 1, 1],
    );
    assert.ok((values['first_server_seconds_sum'] ?? 0) > 8, 'since the host was last heard');
  });

  it('show the state of each host from the database, alike in each process', async () => {
    await begin(3);
    const other = fleet.startEngine();
    fleet.die('h1');
    await fleet.reaches(engine, 'h1', 'Recovered');
    await observeHosts(engine.deps).run(new AbortController().signal);
    await observeHosts(other.deps).run(new AbortController().signal);
    const states = ['h1 Recovered 1', 'h2 Healthy 1', 'h3 Healthy 1'];
    assert.deepEqual([await statesOf(engine), await statesOf(other)], [states, states]);
    const silent = (await valuesOf(engine))['agent_silent_seconds{host="h1",zone="az1"}'] ?? 0;
    assert.ok(silent > 8, `h1 is silent for ${silent} s`);
    await fleet.clock.sleep(16_000);
    assert.deepEqual(await statesOf(engine), [], 'nobody reads the database any more');
  });

  it('count a host that cannot be fenced, and its return as called off', async () => {
    await begin(3);
    fleet.bmcs.get('h1')?.breakDown(fault('timeout', 'no route'));
    Object.assign(fleet.hosts.get('h1') ?? {}, { isHeard: false, isReached: false });
    await fleet.reaches(engine, 'h1', 'FailedToFence');
    Object.assign(fleet.hosts.get('h1') ?? {}, { isHeard: true, isReached: true });
    await fleet.reaches(engine, 'h1', 'Healthy', 3);
    const values = await valuesOf(engine);
    assert.equal(values['fencing_failures_total'], 1);
    assert.equal(values['incidents_total{result="called_off"}'], 1);
    assert.equal(values['fence_seconds_count'], 0);
    assert.equal(values['fencing_refusals_total'], 0);
  });

  it('count a server that was not recovered, and its incident as incomplete', async () => {
    await begin(3, { evacuationAttempts: 1 });
    addServer(fleet, 'vm1', 'h1');
    fleet.refuse = () => 'No valid host was found.';
    fleet.die('h1');
    await fleet.reaches(engine, 'h1', 'Recovered');
    const values = await valuesOf(engine);
    assert.equal(values['servers_total{result="failed"}'], 1);
    assert.equal(values['incidents_total{result="incomplete"}'], 1);
    assert.equal(values['first_server_seconds_count'], 0);
  });

  it('count looks that fenced nothing since too many hosts failed', async () => {
    await begin(4);
    for (const host of ['h1', 'h2']) fleet.die(host);
    await fleet.run(engine, 20);
    const values = await valuesOf(engine);
    assert.ok((values['fencing_refusals_total'] ?? 0) > 5, 'it goes on');
    assert.equal(values['detect_seconds_count'], 0);
  });
});
