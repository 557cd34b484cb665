// A cloud with HA lives under random troubles: see ha-life.ts. More seeds, or one alone:
// `./cobalt test sim/ha-seeds --seed N --runs K`.
import { describe, it } from 'node:test';
import { liveWithHa } from './ha-life.ts';

const first = Number(process.env['SIM_SEED'] ?? 1);
const runs = Number(process.env['SIM_RUNS'] ?? (process.env['SIM_SEED'] === undefined ? 5 : 1));
const seeds = Array.from({ length: runs }, (_, index) => first + index);

describe('a cloud with HA in trouble', { timeout: Infinity }, () => {
  for (const seed of seeds)
    it(`runs every server once, and never one twice (seed ${seed})`, async () =>
      await liveWithHa(seed));
});
