// The race for the last places of a cloud, with many seeds: each seed delays messages differently
// and so changes the order in which processes act. `./cobalt test test/races --runs 200`, or only
// `--seed N`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { raceForLastSlots } from '../sim/cortex-races.testing.ts';

const first = Number(process.env['SIM_SEED'] ?? 1);
const runs = Number(process.env['SIM_RUNS'] ?? (process.env['SIM_SEED'] === undefined ? 25 : 1));

test(
  `no place is booked twice or left (${runs} seeds from ${first})`,
  { timeout: Infinity },
  async (t) => {
    const failed: number[] = [];
    for (let seed = first; seed < first + runs; seed += 1)
      try {
        await raceForLastSlots(seed);
      } catch (error) {
        failed.push(seed);
        t.diagnostic(`seed ${seed}: ${inspect(error)}`);
      }
    assert.deepEqual(failed, [], 'seeds that failed; see the diagnostics');
  },
);
