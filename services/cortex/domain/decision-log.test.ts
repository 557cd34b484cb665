import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecisionLog } from './decision-log.ts';
import { decide, fleetOf, host, pipelineOf, requestFor } from './small-fleet.testing.ts';

test('the log keeps the last decisions, newest first, and forgets the oldest', () => {
  const fleet = fleetOf(host('a'));
  const log = new DecisionLog(3);
  const add = (serverId: string, atMs: number): void =>
    log.add({
      atMs,
      pipeline: pipelineOf(),
      decision: decide(fleet, requestFor({ serverId })),
      noHost: undefined,
    });
  const times = (serverId: string): number[] => log.of(serverId).map(({ atMs }) => atMs);
  add('x', 1);
  add('y', 2);
  add('x', 3);
  assert.deepEqual(times('x'), [3, 1]);
  add('z', 4);
  assert.deepEqual(times('x'), [3]);
  add('z', 5);
  assert.deepEqual([times('x'), times('y'), times('z')], [[3], [], [5, 4]]);
});
