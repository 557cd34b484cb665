// Simulations as in seeds.test.ts, with a Cortex in each of the two processes: what one Cortex does
// not know yet may cost a failed claim, but a host is never overbooked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate.ts';

const seeds = [1, 2, 3];

test('a cloud in trouble with Cortex comes to rest', { timeout: Infinity }, async () => {
  for (const seed of seeds) {
    const { failure, trace } = await simulate(seed, { cortex: true });
    assert.equal(failure, undefined, `seed ${seed}`);
    const answers = trace.match(/"method":"chooseHosts".*"hosts":\["/g) ?? [];
    assert.ok(answers.length >= 3, `Cortex has placed ${answers.length} servers of seed ${seed}`);
  }
});
