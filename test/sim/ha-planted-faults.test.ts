// The rules of ha-life.ts can fail: each fault that is planted into the HA Service from outside is
// found by its seeds in under 500 runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { withoutFence } from '#platform/fence.ts';
import { liveWithHa } from './ha-life.ts';
import type { HaCloudOptions } from './ha.testing.ts';

interface Planted {
  options: Pick<HaCloudOptions, 'ha' | 'wrapHeartbeats' | 'wrapTasks'>;
  finding: RegExp;
}

const planted: Readonly<Record<string, Planted>> = {
  /** Neighbours repeat what the missing heartbeats say, instead of looking for themselves. */
  'one source is enough': {
    options: {
      wrapHeartbeats: (heartbeat, isSilent) => ({
        ...heartbeat,
        saw: Object.fromEntries(
          Object.entries(heartbeat.saw).map(([host, sighting]) => [
            host,
            isSilent(host) ? { reached: false, storageMark: null } : sighting,
          ]),
        ),
      }),
    },
    finding: /is fenced without two sources against it/,
  },
  'no limit of hosts': {
    options: { ha: { maxHosts: 1_000, maxZonePercent: 100 } },
    finding: /are recovered at once/,
  },
  /** An engine that has lost its lease goes on writing, and acting. */
  'no fencing token': {
    options: {
      wrapTasks: (tasks) =>
        tasks.map((task) =>
          task.name.startsWith('ha.')
            ? {
                ...task,
                run: async (signal) => await withoutFence(async () => await task.run(signal)),
              }
            : task,
        ),
    },
    finding: /wrote for task ha\.\S+ after another had taken it over/,
  },
};
const mostRuns = 500;

for (const [name, { options, finding }] of Object.entries(planted))
  test(`found in under ${mostRuns} runs: ${name}`, { timeout: 3_600_000 }, async (t) => {
    for (let seed = 1; seed < mostRuns; seed += 1) {
      const failure = await liveWithHa(seed, options).catch((error: unknown) => inspect(error));
      if (failure === undefined || !finding.test(failure)) continue;
      t.diagnostic(`by seed ${seed}`);
      return;
    }
    assert.fail('no seed found it');
  });
