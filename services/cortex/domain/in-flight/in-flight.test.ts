import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import type {
  BatchPlace,
  InstanceGroupFields,
  NovaExternalRequest,
} from '#contracts/cortex/external-scheduler.ts';
import { cortexDefaults } from '../../deps.ts';
import type { HostFacts } from '../fleet/host-facts.ts';
import { defaultPipelines } from '../pipeline/default-pipelines.ts';
import type { Choice } from '../scheduling.ts';
import { Scheduling } from '../scheduling.ts';
import { fleetOf, gib, host } from '../small-fleet.testing.ts';

type Group = Partial<InstanceGroupFields>;

/** A request of Nova for the server, which offers the hosts `names`. */
const nova = (
  server: string,
  names: readonly string[],
  { group, batch, type = 'create' }: { group?: Group; batch?: BatchPlace; type?: string } = {},
): NovaExternalRequest => ({
  spec: {
    'nova_object.data': {
      instance_uuid: server,
      project_id: 'p',
      scheduler_hints: { _nova_check_type: type },
      flavor: {
        'nova_object.data': { name: 'f', vcpus: 2, memory_mb: 8 * gib, root_gb: 0 },
      },
      instance_group: group
        ? { 'nova_object.data': { uuid: 'g', members: [], hosts: [], ...group } }
        : null,
    },
  },
  hosts: names.map((name) => ({ host: name })),
  weights: Object.fromEntries(names.map((name) => [name, 0])),
  ...(batch && { options: { batch } }),
});

function start(...hosts: HostFacts[]) {
  const fleet = fleetOf(...hosts);
  const scheduling = new Scheduling(fleet, { ...cortexDefaults, mostInFlight: 50 });
  for (const [name, spec] of Object.entries(defaultPipelines)) scheduling.setPipeline(name, spec);
  const names = hosts.map(({ name }) => name);
  const decide = (
    server: string,
    rest: Parameters<typeof nova>[2] = {},
    nowMs = 0,
    among = names,
  ): Choice => {
    const choice = scheduling.decideNova(nova(server, among, rest), nowMs);
    assert.ok(!isFault(choice));
    return choice;
  };
  const best = (...args: Parameters<typeof decide>): string | undefined => decide(...args).hosts[0];
  return { fleet, scheduling, decide, best };
}

/** A host with room for this many servers of `nova`. */
const roomy = (name: string, servers: number): HostFacts =>
  host(name, { vcpus: [0, 1_000], memoryGib: [0, 8 * servers] });
const counts = (hosts: readonly (string | undefined)[]): Record<string, number> => {
  const byHost: Record<string, number> = {};
  for (const name of hosts) byHost[name ?? 'none'] = (byHost[name ?? 'none'] ?? 0) + 1;
  return byHost;
};
const batchOf = (id: string, size: number): BatchPlace[] =>
  Array.from({ length: size }, (_, index) => ({ id, size, index }));

describe('the host of a decision that is not yet claimed', () => {
  test('keeps its capacity reserved until the claim is observed', () => {
    const { best, scheduling } = start(roomy('a', 1), roomy('b', 1));
    assert.deepEqual([best('s1'), best('s2')].sort(), ['a', 'b']);
    assert.equal(best('s3'), undefined);
    assert.equal(scheduling.inFlight.size, 2);
  });

  test('is reserved for its server alone, which may ask again', () => {
    const { best, scheduling, fleet } = start(roomy('a', 1), roomy('b', 1));
    const first = best('s1');
    assert.equal(best('s1', {}, 1), first);
    const other = first === 'a' ? 'b' : 'a';
    // Nova does not offer a host again whose claim was refused.
    assert.equal(best('s1', {}, 2, [other]), other);
    assert.equal(best('s2', {}, 3), first);
    scheduling.inFlight.noteClaims('a', ['s1', 's2']);
    scheduling.inFlight.noteClaims('b', ['s1', 's2']);
    assert.equal(fleet.reservations.size, 0);
    assert.equal(fleet.resource('MEMORY_MB').used[0], 0);
  });

  test('is free again when its server gives up, and after a time', () => {
    const { best, scheduling } = start(roomy('a', 1));
    assert.equal(best('s1'), 'a');
    scheduling.inFlight.release('s1');
    assert.equal(best('s2', {}, 1_000), 'a');
    assert.equal(best('s3', {}, 1_000 + cortexDefaults.inFlightMs - 1), undefined);
    assert.equal(best('s3', {}, 1_000 + cortexDefaults.inFlightMs), 'a');
    assert.equal(best('s4', {}, -1e9), 'a', 'nothing lasts longer because a clock is set back');
  });

  test('survives a report of the host that does not know of the claim', () => {
    const { fleet, best } = start(roomy('a', 2));
    best('s1');
    fleet.applyUsage('a', { MEMORY_MB: 8 * gib });
    assert.equal(best('s2'), undefined);
    fleet.apply(roomy('a', 2));
    assert.equal(best('s2'), 'a');
  });

  test('is not reserved for a read-only request, for a rebuild, or without a server', () => {
    const { scheduling, best } = start(roomy('a', 1));
    const question = { ...nova('s1', ['a']), options: { read_only: true } };
    assert.ok(!isFault(scheduling.decideNova(question, 0)));
    best('s1', { type: 'rebuild' });
    best('', {});
    assert.equal(scheduling.inFlight.size, 0);
  });

  test('is forgotten from the oldest on beyond the bound', () => {
    const { scheduling, best } = start(roomy('a', 100));
    for (let at = 0; at < 60; at += 1) best(`s${at}`);
    assert.equal(scheduling.inFlight.size, 50);
    assert.equal(scheduling.inFlight.hostOf('s9'), undefined);
    assert.equal(scheduling.inFlight.hostOf('s10'), 'a');
  });

  test('spreads servers over hosts as if they were there', () => {
    const { best } = start(roomy('a', 10), roomy('b', 10), roomy('c', 10));
    const chosen = Array.from({ length: 9 }, (_, at) => best(`s${at}`));
    assert.deepEqual(counts(chosen), { a: 3, b: 3, c: 3 });
  });

  test('counts as a member of its group, once', () => {
    const { best, fleet } = start(roomy('a', 9), roomy('b', 9));
    const group = { policy: 'anti-affinity', _rules: { max_server_per_host: 2 } };
    const chosen = ['s1', 's2', 's3', 's4', 's5'].map((id) => best(id, { group }));
    assert.deepEqual(counts(chosen), { a: 2, b: 2, none: 1 });
    // By now the caller's list includes these members.
    const listedGroup = { ...group, members: ['s1', 's2', 's3'], hosts: ['a', 'a', 'b'] };
    fleet.apply({ ...roomy('a', 9), servers: ['s1'] });
    assert.equal(best('s4', { group: listedGroup }), 'b');
  });

  test('is also reserved in another process that receives the message', () => {
    const [one, other] = [start(roomy('a', 1), roomy('b', 1)), start(roomy('a', 1), roomy('b', 1))];
    const first = one.decide('s1');
    assert.ok(first.changes);
    other.scheduling.applyChanges(first.changes, 0);
    assert.notEqual(other.best('s2'), first.hosts[0]);
  });
});

describe('the servers of one request', () => {
  test('are spread by one decision, and each takes its own place whoever comes between', () => {
    const { best, scheduling } = start(roomy('a', 4), roomy('b', 4), roomy('c', 4));
    const places = batchOf('r', 9);
    const [first, ...rest] = places;
    const chosen = [best('s0', { batch: first as BatchPlace })];
    assert.equal(scheduling.inFlight.size, 9);
    assert.deepEqual(counts([best('x0'), best('x1'), best('x2'), best('x3')]), {
      a: 1,
      b: 1,
      c: 1,
      none: 1,
    });
    for (const batch of rest.reverse()) chosen.push(best(`s${batch.index}`, { batch }));
    assert.deepEqual(counts(chosen), { a: 3, b: 3, c: 3 });
    assert.equal(scheduling.inFlight.size, 12);
  });

  test('go together where their group has room for all of them', () => {
    for (const policy of ['affinity', 'soft-affinity']) {
      const { best } = start(roomy('a', 2), roomy('b', 5), roomy('c', 3));
      const chosen = batchOf('r', 5).map((batch) =>
        best(`s${batch.index}`, { batch, group: { policy } }),
      );
      assert.deepEqual(counts(chosen), { b: 5 }, policy);
    }
  });

  test('go where most of a soft group has room, if no host has room for all', () => {
    const { best } = start(roomy('a', 2), roomy('b', 4), roomy('c', 3));
    const chosen = batchOf('r', 6).map((batch) =>
      best(`s${batch.index}`, { batch, group: { policy: 'soft-affinity' } }),
    );
    assert.equal(counts(chosen)['b'], 4);
    assert.equal(counts(chosen)['none'], undefined);
  });

  test('keep the rule of their group beside members that are there already', () => {
    const { best } = start(roomy('a', 9), roomy('b', 9), roomy('c', 9));
    const group = {
      policy: 'anti-affinity',
      _rules: { max_server_per_host: 2 },
      members: ['old'],
      hosts: ['a'],
    };
    const chosen = batchOf('r', 6).map((batch) => best(`s${batch.index}`, { batch, group }));
    assert.deepEqual(counts(chosen), { a: 1, b: 2, c: 2, none: 1 });
  });

  test('are placed one by one where the plan is lost, and planned only once', () => {
    const { best, scheduling } = start(roomy('a', 2), roomy('b', 2));
    const [one, two, three] = batchOf('r', 3);
    best('s0', { batch: one as BatchPlace });
    for (const at of [1, 2]) scheduling.inFlight.release(`r/${at}`);
    assert.ok(best('s1', { batch: two as BatchPlace }));
    assert.ok(best('s2', { batch: three as BatchPlace }));
    assert.equal(scheduling.inFlight.size, 3);
  });

  test('take their place also where others are better, and the asker wants one host alone', () => {
    const hosts = Array.from({ length: 30 }, (_, at) => roomy(`h${at}`, at === 17 ? 5 : 4));
    const { scheduling } = start(...hosts);
    const names = hosts.map(({ name }) => name);
    for (const batch of batchOf('r', 5)) {
      const request = nova(`s${batch.index}`, names, { group: { policy: 'affinity' }, batch });
      request.options = { ...request.options, max_candidates: 1 };
      const choice = scheduling.decideNova(request, 0);
      assert.ok(!isFault(choice));
      assert.deepEqual(choice.hosts, ['h17']);
    }
    const spread = batchOf('t', 40).map((batch) => {
      const request = nova(`t${batch.index}`, names, { batch });
      request.options = { ...request.options, max_candidates: 1 };
      const choice = scheduling.decideNova(request, 0);
      return isFault(choice) ? undefined : choice.hosts[0];
    });
    assert.ok(Math.max(...Object.values(counts(spread))) <= 2);
  });

  test('use only hosts that the asker can use', () => {
    const { best } = start(roomy('a', 9), roomy('b', 1), roomy('c', 1));
    const chosen = batchOf('r', 3).map((batch) =>
      best(`s${batch.index}`, { batch }, 0, ['b', 'c']),
    );
    assert.deepEqual(counts(chosen), { b: 1, c: 1, none: 1 });
  });
});
