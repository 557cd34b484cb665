// Random simulations: two processes on one database that are paused, killed and restarted, hosts
// that fail, lose answers and are slow, late messages, and users at work. For every seed, no
// process may do another's work, and in the end all operations have ended and the audit finds
// nothing. More seeds, or a single one: `./cobalt test sim --seed N --runs K`.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSeeds } from './seed-runners.ts';

const first = Number(process.env['SIM_SEED'] ?? 1);
const runs = Number(process.env['SIM_RUNS'] ?? (process.env['SIM_SEED'] === undefined ? 25 : 1));
const seeds = Array.from({ length: runs }, (_, index) => first + index);
/**
 * A seed must have at least this many troubles, about one for each action of a user; with far
 * fewer, a run would prove nothing.
 */
const fewestTroubles = 15;
const maxFailures = 5;

test(
  `a cloud in trouble comes to rest (${runs} seeds from ${first})`,
  { timeout: Infinity },
  async (t) => {
    const traceFolder = await mkdtemp(join(tmpdir(), 'cobalt-sim-'));
    let failures = 0;
    const reports = await runSeeds(seeds, {
      traceFolder,
      onReport: ({ failure }) => failure !== undefined && (failures += 1) >= maxFailures,
    });
    const failed = reports.filter(({ failure }) => failure !== undefined);
    for (const { seed, failure, traceFile } of failed)
      t.diagnostic(`seed ${seed}: ${failure}\n  trace: ${traceFile}; again: --seed ${seed}`);
    assert.deepEqual(
      failed.map(({ seed }) => seed),
      [],
      'seeds that failed; see the diagnostics',
    );
    await rm(traceFolder, { recursive: true });
    assert.equal(reports.length, runs);
    const fewest = Math.min(...reports.map(({ troubles }) => troubles));
    assert.ok(fewest >= fewestTroubles, `a seed met only ${fewest} troubles`);
    const virtualS = reports.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 1000;
    t.diagnostic(`${runs} simulations, ${Math.round(virtualS)} s of virtual time`);
  },
);

test('the same seed gives the same trace, byte for byte, in another process too', async () => {
  const traceFolder = await mkdtemp(join(tmpdir(), 'cobalt-sim-'));
  const seed = first;
  const digests: string[] = [];
  for (const again of [[seed], [seed, seed]]) {
    const reports = await runSeeds(again, { traceFolder, atOnce: 1 });
    digests.push(...reports.map(({ sha256 }) => sha256));
  }
  const [other] = await runSeeds([seed + 1], { traceFolder, atOnce: 1 });
  await rm(traceFolder, { recursive: true });
  assert.equal(digests.length, 3);
  assert.equal(new Set(digests).size, 1, 'one trace');
  assert.notEqual(other?.sha256, digests[0], 'another seed gives another trace');
});
