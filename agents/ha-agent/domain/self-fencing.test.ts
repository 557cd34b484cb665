// The HA Service never relies on a watchdog limit that is shorter than the armed one, even if
// heartbeats are lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportedLimit } from './self-fencing.ts';

/**
 * Simulates heartbeats of which some are lost: records the limit that the service believes, and the
 * limit with which the watchdog is armed.
 */
function follow(armed: number | null, believed: number | null, wanted: number | null) {
  const moments: { armed: number | null; believed: number | null }[] = [];
  for (const isTaken of [false, true, false, true, true]) {
    const toldMs = reportedLimit(armed, wanted);
    if (isTaken) {
      believed = toldMs;
      moments.push({ armed, believed }); // as if the agent died here
      armed = wanted;
    }
    moments.push({ armed, believed });
  }
  return moments;
}

test('the service never believes in a watchdog that is not armed, or is later', () => {
  const limits = [null, 10, 30, 60];
  for (const [before, wanted] of limits.flatMap((a) => limits.map((b) => [a, b] as const))) {
    const moments = follow(before, before, wanted);
    for (const { armed, believed } of moments)
      assert.ok(
        believed === null || (armed !== null && armed <= believed),
        `${before} → ${wanted}: armed ${armed}, believed ${believed}`,
      );
    assert.deepEqual(moments.at(-1), { armed: wanted, believed: wanted });
  }
});
