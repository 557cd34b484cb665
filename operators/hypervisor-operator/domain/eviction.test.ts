// The next steps of an eviction, depending on the states of the host's servers.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FleetServer } from '#openstack/clients/nova-fleet.ts';
import { planEviction } from './eviction.ts';

const limits = { atOnce: 2, attempts: 3, pauseMs: 10_000, timeoutMs: 60_000 };

const server = (id: string, status: string, more: Partial<FleetServer> = {}): FleetServer => ({
  id,
  name: `name-${id}`,
  status,
  'OS-EXT-STS:task_state': null,
  'OS-EXT-STS:power_state': status === 'ACTIVE' ? 1 : 4,
  'OS-EXT-SRV-ATTR:host': 'h1',
  flavor: { ram: 512, vcpus: 1 },
  ...more,
});

const steps = (servers: FleetServer[], attempts = new Map(), nowMs = 0): string[] =>
  planEviction(servers, attempts, limits, nowMs).steps.map(
    (step) => `${step.do} ${step.server.id}`,
  );

describe('the plan of an eviction', () => {
  it('running servers are migrated live, others cold, large ones first', () => {
    const small = server('a', 'ACTIVE');
    const large = server('b', 'SHUTOFF', { flavor: { ram: 4096, vcpus: 2 } });
    assert.deepEqual(steps([small, large]), ['migrate b', 'liveMigrate a']);
  });

  it('no more servers move at once than the limit', () => {
    const moving = server('m', 'MIGRATING', { 'OS-EXT-STS:task_state': 'migrating' });
    assert.deepEqual(steps([server('a', 'ACTIVE'), server('b', 'ACTIVE'), moving]).sort(), [
      'liveMigrate a',
      'wait m',
    ]);
  });

  it('a cold migration is confirmed by the operator', () => {
    assert.deepEqual(steps([server('a', 'VERIFY_RESIZE')]), ['confirmResize a']);
  });

  it('a server whose attempts are used up is reported as stuck, and the others still move', () => {
    const attempts = new Map([['a', { count: 3, sinceMs: 0, trouble: 'No valid host' }]]);
    const plan = planEviction([server('a', 'ACTIVE'), server('b', 'ACTIVE')], attempts, limits, 0);
    assert.deepEqual(
      plan.stuck.map(({ why }) => why),
      ['tried 3 times: No valid host'],
    );
    assert.deepEqual(
      plan.steps.map((step) => step.server.id),
      ['b'],
    );
  });

  it('a failed migration is tried again after a pause', () => {
    const attempts = new Map([['a', { count: 1, sinceMs: 0, trouble: 'No valid host' }]]);
    assert.deepEqual(steps([server('a', 'ACTIVE')], attempts, 9_000), []);
    assert.deepEqual(steps([server('a', 'ACTIVE')], attempts, 10_000), ['liveMigrate a']);
  });

  it('a server that migrates for too long is reported as stuck', () => {
    const moving = server('m', 'MIGRATING', { 'OS-EXT-STS:task_state': 'migrating' });
    const attempts = new Map([['m', { count: 1, sinceMs: 0 }]]);
    assert.equal(planEviction([moving], attempts, limits, 61_000).stuck.length, 1);
    assert.equal(planEviction([moving], attempts, limits, 59_000).stuck.length, 0);
  });
});
