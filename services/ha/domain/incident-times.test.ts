import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TimelineEntry } from '#contracts/ha/wire.ts';
import { incidentTimes } from './incident-times.ts';

const entry = (atMs: number, what: string, detail: TimelineEntry['detail'] = {}) => ({
  atMs,
  what,
  detail,
});
const timeline = [
  entry(10_000, 'Healthy → Suspect', { agentSilentMs: 4_000 }),
  entry(11_000, 'Suspect → Confirming', { agentSilentMs: 5_000 }),
  entry(13_000, 'Confirming → Fencing', { agentSilentMs: 7_000 }),
  entry(28_000, 'Fencing → FailedToFence'),
  entry(58_000, 'FailedToFence → Fencing'),
  entry(60_000, 'Fencing → Fenced'),
];

test('times of an incident count from the last heartbeat, and fencing with its failures', () => {
  assert.deepEqual(incidentTimes(timeline, [70_000, 66_000, 68_000]), {
    detectMs: 7_000,
    fenceMs: 47_000,
    firstServerMs: 60_000,
    lastServerMs: 64_000,
  });
});

test('what an incident has not come to has no time', () => {
  const none = { fenceMs: undefined, firstServerMs: undefined, lastServerMs: undefined };
  assert.deepEqual(incidentTimes(timeline.slice(0, 4), []), { detectMs: 7_000, ...none });
  assert.deepEqual(incidentTimes([], []), { detectMs: undefined, ...none });
});
