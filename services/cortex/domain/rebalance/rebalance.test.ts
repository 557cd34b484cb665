import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createChance } from '../synthetic-fleet.testing.ts';
import { Balance } from './balance.ts';
import {
  detectFragmentation,
  detectImbalance,
  detectMemoryPressure,
  detectRuleViolations,
  detectSteal,
} from './detectors.ts';
import { fewestMigrations } from './fewest-migrations.testing.ts';
import { LoadHistory } from './load-history.ts';
import type { MovableFleet, MovableServer } from './movable-fleet.ts';
import { defaultGoal } from './movable-fleet.ts';
import type { PlannedMigration, PlanOptions } from './plan-migrations.ts';
import { planMigrations } from './plan-migrations.ts';

const gib = 1_024;
type Sizes = Readonly<Record<string, readonly number[]>>;

/** Hosts of 256 GiB in one zone, with servers of the given sizes in GiB. */
function fleetOf(
  sizes: Sizes,
  change: (server: MovableServer) => Partial<MovableServer> = () => ({}),
): MovableFleet {
  const servers = Object.entries(sizes).flatMap(([host, list]) =>
    list.map((size, at): MovableServer => {
      const id = `${host}-${at}`;
      const server = { id, name: id, host, resources: { MEMORY_MB: size * gib, VCPU: 1 } };
      return { ...server, ...change(server) };
    }),
  );
  return withUse(
    Object.keys(sizes).map((name) => ({
      name,
      pool: 'az1',
      isOpen: true,
      capacity: { MEMORY_MB: 256 * gib, VCPU: 128 },
      used: {},
    })),
    servers,
  );
}

const withUse = (
  hosts: MovableFleet['hosts'],
  servers: readonly MovableServer[],
): MovableFleet => ({
  hosts: hosts.map((host) => {
    const used: Record<string, number> = {};
    for (const { resources } of servers.filter((one) => one.host === host.name))
      for (const [name, amount] of Object.entries(resources))
        used[name] = (used[name] ?? 0) + amount;
    return { ...host, used };
  }),
  servers,
});

/** The fleet after the plan; fails if a step finds no room. */
function after(fleet: MovableFleet, plan: readonly PlannedMigration[]): MovableFleet {
  const state = new Balance(fleet, defaultGoal);
  for (const { server: id, from, to } of plan) {
    const server = fleet.servers.find((one) => one.id === id);
    assert.ok(server && state.hostOf(server) === from && state.fits(server, to), `${id} to ${to}`);
    state.move({ server, to });
  }
  const ids = plan.map(({ server }) => server);
  assert.equal(new Set(ids).size, ids.length, 'a server moves once');
  return withUse(
    fleet.hosts,
    fleet.servers.map((server) => ({ ...server, host: state.hostOf(server) })),
  );
}

const unbounded: Partial<PlanOptions> = { mostMigrations: Infinity, mostPerHost: Infinity };
const excessIn = (fleet: MovableFleet): number => new Balance(fleet, defaultGoal).totalExcess();

/**
 * A random fleet by seed: some hosts nearly full, some nearly empty, as after a failover or when
 * hosts were added.
 */
function unevenFleet(seed: number, hosts: number, sizes: readonly number[]): MovableFleet {
  const chance = createChance(seed);
  const lists: Record<string, number[]> = {};
  for (let at = 0; at < hosts; at += 1) {
    const fill = chance.oneOf([0.1, 0.5, 0.55, 0.6, 0.9]) * 256;
    const list: number[] = [];
    for (let sum = 0; sum < fill - 4;) {
      const size = chance.oneOf(sizes);
      if (sum + size > 250) break;
      list.push(size);
      sum += size;
    }
    lists[`h${at}`] = list;
  }
  return fleetOf(lists);
}

describe('a plan of migrations', () => {
  test('is empty for a fleet in balance', () => {
    assert.deepEqual(planMigrations(fleetOf({ a: [64, 64], b: [32, 96], c: [128] })), []);
    assert.deepEqual(planMigrations(fleetOf({})), []);
  });

  test('brings 200 hosts to within 5 % of even use, and is empty the second time', () => {
    for (const seed of [1, 2, 3]) {
      const fleet = unevenFleet(seed, 200, [2, 4, 8, 16, 32]);
      assert.ok(detectImbalance(fleet).length > 50);
      const plan = planMigrations(fleet, unbounded);
      const even = after(fleet, plan);
      assert.deepEqual(detectImbalance(even), [], `seed ${seed}`);
      assert.deepEqual(planMigrations(even, unbounded), []);
      assert.ok(plan.every(({ gain }) => gain > 0));
    }
  });

  test('has at most 1.2 times the fewest migrations of an exhaustive search, 10 hosts', () => {
    let [planned, fewest, compared] = [0, 0, 0];
    for (let seed = 1; compared < 20; seed += 1) {
      const fleet = unevenFleet(seed, 10, [16, 32, 48]);
      const plan = planMigrations(fleet, unbounded);
      if (excessIn(after(fleet, plan)) > 0 || plan.length === 0 || plan.length > 5) continue;
      const least = fewestMigrations(fleet, defaultGoal, plan.length);
      assert.ok(least !== undefined && least <= plan.length);
      planned += plan.length;
      fewest += least;
      compared += 1;
    }
    assert.ok(planned <= 1.2 * fewest, `${planned} planned, ${fewest} needed`);
  });

  test('takes from the fullest, gives to the emptiest, and says what it brings', () => {
    const [first, ...rest] = planMigrations(fleetOf({ a: [64, 64, 64], b: [64, 64], c: [64] }));
    assert.deepEqual(rest, []);
    assert.ok(first);
    assert.deepEqual([first.from, first.to, first.reason], ['a', 'c', 'imbalance']);
    assert.deepEqual(first.useOfSource, [0.75, 0.5]);
    assert.deepEqual(first.useOfTarget, [0.25, 0.5]);
    assert.equal(first.memoryMib, 64 * gib);
  });

  test('moves nobody who must stay, rests, or belongs to a group that stays together', () => {
    const uneven = { a: [64, 64, 64], b: [] };
    const group = { id: 'g', policy: 'affinity', maxPerHost: 1 };
    for (const change of [{ staysBecause: 'it is off' }, { group }])
      assert.deepEqual(planMigrations(fleetOf(uneven, () => change)), []);
    const resting = new Set(['a-0', 'a-1', 'a-2']);
    assert.deepEqual(planMigrations(fleetOf(uneven), { resting }), []);
    const [only] = planMigrations(fleetOf(uneven), { resting: new Set(['a-0', 'a-2']) });
    assert.equal(only?.server, 'a-1');
  });

  test('keeps the rules of groups and all limits of capacity', () => {
    const group = { id: 'g', policy: 'anti-affinity', maxPerHost: 1 };
    const fleet = fleetOf({ a: [64, 64, 32], b: [32] }, ({ id }) =>
      id === 'a-0' || id === 'a-1' || id === 'b-0' ? { group } : {},
    );
    assert.deepEqual(
      planMigrations(fleet).map(({ server, to }) => [server, to]),
      [['a-2', 'b']],
    );
    const full = fleetOf({ a: [64, 64, 32], b: [] }, () => ({}));
    const hosts = full.hosts.map((host) =>
      host.name === 'b' ? { ...host, capacity: { ...host.capacity, VCPU: 0 } } : host,
    );
    assert.deepEqual(planMigrations({ ...full, hosts }), []);
  });

  test('leaves hosts alone that are closed, and other pools', () => {
    const fleet = fleetOf({ a: [64, 64, 64], b: [], c: [] });
    const hosts = fleet.hosts.map((host) => {
      if (host.name === 'b') return { ...host, isOpen: false };
      return host.name === 'c' ? { ...host, pool: 'az2' } : host;
    });
    assert.deepEqual(planMigrations({ ...fleet, hosts }), []);
  });

  test('is no longer than asked, also for one host', () => {
    const fleet = unevenFleet(4, 40, [4, 8, 16]);
    assert.equal(planMigrations(fleet, { mostMigrations: 7 }).length, 7);
    const plan = planMigrations(fleet, { ...unbounded, mostPerHost: 2 });
    const counts = new Map<string, number>();
    for (const { from, to } of plan)
      for (const host of [from, to]) counts.set(host, (counts.get(host) ?? 0) + 1);
    assert.equal(Math.max(...counts.values()), 2);
  });

  test('goes on, without the one that failed, to the same end', () => {
    const fleet = unevenFleet(5, 30, [8, 16]);
    const [first] = planMigrations(fleet, unbounded);
    assert.ok(first);
    const again = planMigrations(fleet, { ...unbounded, resting: new Set([first.server]) });
    assert.ok(again.every(({ server }) => server !== first.server));
    assert.deepEqual(detectImbalance(after(fleet, again)), []);
  });
});

describe('detectors', () => {
  const nowMs = 1_000_000;

  test('servers of an anti-affinity group that share a host leave it first', () => {
    const group = { id: 'g', policy: 'anti-affinity', maxPerHost: 1 };
    const fleet = fleetOf({ a: [64, 64], b: [64, 64], c: [128] }, ({ host }) =>
      host === 'a' ? { group } : {},
    );
    const [found] = detectRuleViolations(fleet);
    assert.deepEqual(found?.servers, ['a-1']);
    const leaving = new Map([['a-1', found.text]]);
    const [first] = planMigrations(fleet, { leaving });
    assert.equal(first?.server, 'a-1');
    assert.match(first.reason, /2 servers of group g, 1 may be there/);
    assert.deepEqual(detectRuleViolations(after(fleet, planMigrations(fleet, { leaving }))), []);
  });

  test('guests whose processors are taken away, by the worst of the last samples', () => {
    const fleet = fleetOf({ a: [8, 8] });
    const history = new LoadHistory(60_000);
    history.add('a-0', 'steal', { atMs: nowMs - 120_000, value: 90 });
    history.add('a-0', 'steal', { atMs: nowMs - 1_000, value: 12 });
    history.add('a-1', 'steal', { atMs: nowMs - 2_000, value: 33 });
    history.add('a-1', 'steal', { atMs: nowMs - 1_000, value: 3 });
    const found = detectSteal(fleet, history, { nowMs });
    assert.deepEqual(
      found.map(({ servers }) => servers),
      [['a-1']],
    );
    history.forget('a-1');
    assert.deepEqual(detectSteal(fleet, history, { nowMs }), []);
  });

  test('hosts that are short of memory for long, and not for a moment', () => {
    const fleet = fleetOf({ a: [8, 16], b: [8] });
    const history = new LoadHistory(600_000);
    for (let at = 0; at < 10; at += 1) {
      history.add('a', 'memory', { atMs: nowMs - 10_000 + at, value: at < 3 ? 50 : 97 });
      history.add('b', 'memory', { atMs: nowMs - 10_000 + at, value: at < 7 ? 50 : 97 });
    }
    const found = detectMemoryPressure(fleet, history, { nowMs });
    assert.deepEqual(
      found.map(({ host, servers }) => [host, servers]),
      [['a', ['a-1']]],
    );
  });

  test('free memory that is scattered', () => {
    const fleet = fleetOf({ a: [200], b: [190] });
    const wanted = (size: number) => detectFragmentation(fleet, { MEMORY_MB: size * gib });
    assert.equal(wanted(100)[0]?.host, 'b');
    assert.deepEqual(wanted(60), []);
    assert.deepEqual(wanted(150), [], 'there is not that much');
  });
});
