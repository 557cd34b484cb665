// A cloud with HA lives under random troubles: see ha-life.ts. HA_SEEDS=500 runs that many seeds,
// HA_SEED=7 only this one.
import { describe, it } from 'node:test';
import { liveWithHa } from './ha-life.ts';

const count = Number(process.env['HA_SEEDS'] ?? 5);
const one = process.env['HA_SEED'];
const seeds =
  one === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(one)];

describe('a cloud with HA in trouble', { timeout: 7_200_000 }, () => {
  for (const seed of seeds)
    it(`runs every server once, and never one twice (seed ${seed})`, async () =>
      await liveWithHa(seed));
});
