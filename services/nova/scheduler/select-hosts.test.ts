// The scheduler's selection: every filter and weigher alone, and properties that hold for all
// selections.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#contracts/common/json.ts';
import type { ServerGroupPolicy } from '#contracts/nova/server-groups.ts';
import { serverGroupPolicies } from '#contracts/nova/server-groups.ts';
import type { HostView, PlacementRequest } from './select-hosts.ts';
import { filters, selectHosts, weighers, whyNone } from './select-hosts.ts';
import type { GroupView } from './server-groups.ts';

const anywhere: PlacementRequest = {
  zone: null,
  host: null,
  excludedHosts: [],
  hints: {},
  hintFacts: { hostOfServer: new Map(), hosts: new Map() },
  group: null,
};
const capacity = (used: number) => ({
  VCPU: { capacity: 10, used },
  MEMORY_MB: { capacity: 1000, used: used * 100 },
  DISK_GB: { capacity: 100, used: used * 10 },
});
const host = (name: string, change: Partial<HostView> = {}): HostView => ({
  host: name,
  nodeUuid: `node-${name}`,
  zone: 'nova',
  enabled: true,
  up: true,
  busy: 0,
  candidate: { nodeUuid: `node-${name}`, allocations: {}, capacity: capacity(0) },
  ...change,
});
const using = (name: string, used: number): HostView =>
  host(name, { candidate: { nodeUuid: name, allocations: {}, capacity: capacity(used) } });
const chosen = (hosts: HostView[], wanted: Partial<PlacementRequest> = {}) =>
  selectHosts(hosts, { ...anywhere, ...wanted }, () => 0).hosts.map((view) => view.host);

const hinted = (
  hints: JsonObject,
  { servers = {} }: { servers?: Record<string, string | null> } = {},
): Partial<PlacementRequest> => ({
  hints,
  hintFacts: {
    hostOfServer: new Map(Object.entries(servers)),
    hosts: new Map([
      ['good', { address: '10.1.2.3', variables: { free_ram_mb: 1024, vcpus_used: 0 } }],
      ['bad', { address: '10.2.2.3', variables: { free_ram_mb: 128, vcpus_used: 0 } }],
    ]),
  },
});
const group = (policy: ServerGroupPolicy, members: Record<string, number>): GroupView => ({
  id: 'g',
  generation: 1,
  policy,
  maxPerHost: 1,
  membersOn: new Map(Object.entries(members)),
  members: [],
});

describe('filters', () => {
  const good = host('good');
  const cases: Record<string, { bad: HostView; wanted?: Partial<PlacementRequest> }> = {
    up: { bad: host('bad', { up: false }) },
    enabled: { bad: host('bad', { enabled: false }) },
    'named host': { bad: host('bad'), wanted: { host: 'good' } },
    'availability zone': { bad: host('bad', { zone: 'az1' }), wanted: { zone: 'nova' } },
    'not tried before': { bad: host('bad'), wanted: { excludedHosts: ['bad'] } },
    'same host': {
      bad: host('bad'),
      wanted: hinted({ same_host: 'a' }, { servers: { a: 'good', b: 'bad' } }),
    },
    'different host': {
      bad: host('bad'),
      wanted: hinted({ different_host: ['a', 'b'] }, { servers: { a: 'bad', b: null } }),
    },
    'near an address': {
      bad: host('bad'),
      wanted: hinted({ build_near_host_ip: '10.1.0.9', cidr: '/16' }),
    },
    query: {
      bad: host('bad'),
      wanted: hinted({ query: '["and", [">=", "$free_ram_mb", 512], ["=", "$vcpus_used", 0]]' }),
    },
    affinity: { bad: host('bad'), wanted: { group: group('affinity', { good: 1 }) } },
    'anti-affinity': {
      bad: host('bad'),
      wanted: { group: { ...group('anti-affinity', { good: 1, bad: 2 }), maxPerHost: 2 } },
    },
  };
  it('are all tried here', () =>
    assert.deepEqual(Object.keys(cases).sort(), filters.map(({ name }) => name).sort()));
  for (const [name, { bad, wanted }] of Object.entries(cases)) {
    it(`${name} takes the bad host out`, () => {
      assert.deepEqual(chosen([bad, good], wanted), ['good']);
      const none = selectHosts([bad], { ...anywhere, ...wanted }, () => 0);
      assert.match(whyNone(none, 1), new RegExp(`the filter "${name}" left none`));
    });
  }
  it('let the first member of a group go anywhere', () => {
    for (const policy of serverGroupPolicies)
      assert.deepEqual(chosen([host('a'), host('b')], { group: group(policy, {}) }).sort(), [
        'a',
        'b',
      ]);
  });
  it('let an operator name a disabled host, but not one that is down', () => {
    assert.deepEqual(chosen([host('a', { enabled: false })], { host: 'a' }), ['a']);
    assert.deepEqual(chosen([host('a', { up: false })], { host: 'a' }), []);
  });
  it('say so when there was no room at all', () =>
    assert.match(
      whyNone(
        selectHosts([], anywhere, () => 0),
        0,
      ),
      /enough free resources/,
    ));
});

describe('weighers', () => {
  it('prefer the emptier host', () =>
    assert.deepEqual(chosen([using('full', 8), using('empty', 1), using('half', 5)]), [
      'empty',
      'half',
      'full',
    ]));
  it('prefer the quiet host among equals', () =>
    assert.deepEqual(chosen([host('busy', { busy: 3 }), host('quiet')]), ['quiet', 'busy']));
  it('follow a soft policy first, and break it where no other host is left', () => {
    const hosts = [using('full', 9), using('empty', 0)];
    const together = group('soft-affinity', { full: 1 });
    assert.deepEqual(chosen(hosts, { group: together }), ['full', 'empty']);
    assert.deepEqual(chosen([host('other')], { group: together }), ['other']);
    const apart = group('soft-anti-affinity', { empty: 2, full: 1 });
    assert.deepEqual(chosen(hosts, { group: apart }), ['full', 'empty']);
  });
  it('leave equals to the tie break', () => {
    const order = selectHosts(
      [host('a'), host('b'), host('c')],
      anywhere,
      (view) => ({ a: 0.1, b: 0.9, c: 0.5 })[view.host] ?? 0,
    ).hosts;
    assert.deepEqual(
      order.map((view) => view.host),
      ['b', 'c', 'a'],
    );
  });
  it('never let a tie break win over a real difference', () => {
    assert.deepEqual(
      selectHosts([using('full', 9), using('empty', 0)], anywhere, (view) =>
        view.host === 'full' ? 0.999 : 0,
      ).hosts.map((view) => view.host),
      ['empty', 'full'],
    );
  });
  it('tell a resource nobody has as free', () => {
    for (const { weight } of weighers)
      assert.ok(
        Number.isFinite(
          weight(
            host('a', { candidate: { nodeUuid: 'n', allocations: {}, capacity: {} } }),
            anywhere,
          ),
        ),
      );
  });
});

it('a choice holds exactly the hosts that pass, each once', () => {
  const view = fc.record({
    name: fc.uuid(),
    up: fc.boolean(),
    enabled: fc.boolean(),
    zone: fc.constantFrom('a', 'b'),
    used: fc.integer({ min: 0, max: 10 }),
    busy: fc.integer({ min: 0, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(view, { selector: ({ name }) => name, maxLength: 12 }),
      fc.constantFrom(null, 'a', 'b'),
      (views, zone) => {
        const hosts = views.map(({ name, used, ...rest }) => ({
          ...using(name, used),
          ...rest,
          host: name,
        }));
        const passing = hosts
          .filter((each) => each.up && each.enabled && (zone === null || each.zone === zone))
          .map((each) => each.host);
        assert.deepEqual(chosen(hosts, { zone }).sort(), passing.sort());
      },
    ),
  );
});
