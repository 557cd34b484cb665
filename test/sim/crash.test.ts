// With simulated hosts: the control plane is killed at random moments while servers are
// created, changed and deleted; each restart must bring every server to a final state and pass the
// audit. CRASH_SEEDS=200 kills it that often (5 minutes), CRASH_SEED=17 runs one seed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { seededIds } from '#platform/ids.ts';
import type { LifeReport } from './one-life.ts';

const program = fileURLToPath(new URL('one-life.ts', import.meta.url));
const only = process.env['CRASH_SEED'];
const seeds =
  only === undefined
    ? Array.from({ length: Number(process.env['CRASH_SEEDS'] ?? 30) }, (_, index) => index + 1)
    : [Number(only)];
/** Clouds that are tested in parallel: as many as the smallest supported machine has cores. */
const worlds = 2;

// The kill happens during the start and the recovery (a quarter of the seeds), or during the work
// after it.
const startMs = 900;
const workMs = { least: 20, most: 500 };
const lifeTimeoutMs = 240_000;

interface Tally {
  lives: number;
  killedAtStart: number;
  leftOver: number;
  slowestRestMs: number;
  /** One of the clouds has failed, so the others can stop. */
  broken: boolean;
}

interface Life {
  rested: LifeReport['rested'];
}

/**
 * Runs a cloud in `dir` until it is killed, `afterMs` after its start or after it has recovered;
 * null: until it ends by itself. Throws if it has failed.
 */
async function live(
  dir: string,
  cache: string,
  seed: number,
  kill: { from: 'start' | 'rest'; afterMs: number } | null,
): Promise<Life> {
  const child = spawn(process.execPath, [program, dir, String(seed)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
  let rested: LifeReport['rested'];
  let failed: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const killIn = (ms: number): void => void (timer = setTimeout(() => child.kill('SIGKILL'), ms));
  const late = setTimeout(() => {
    failed = `it neither rested nor ended within ${lifeTimeoutMs} ms`;
    child.kill('SIGKILL');
  }, lifeTimeoutMs);
  if (kill?.from === 'start') killIn(kill.afterMs);
  child.on('message', (report: LifeReport) => {
    failed ??= report.failed;
    rested ??= report.rested;
    if (!report.rested) return;
    if (kill === null) child.send('end');
    else if (kill.from === 'rest') killIn(kill.afterMs);
  });
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>(
    (resolve) => child.on('close', (exit, by) => resolve({ code: exit, signal: by })),
  );
  clearTimeout(timer);
  clearTimeout(late);
  if (failed !== undefined) throw new Error(failed);
  if (kill === null ? code !== 0 : signal !== 'SIGKILL')
    throw new Error(`it ended by itself: code ${code}, signal ${signal}`);
  return { rested };
}

async function world(
  name: number,
  cache: string,
  mine: readonly number[],
  tally: Tally,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), `cobalt-crash-${name}-`));
  let killed = 'nothing yet';
  const note = (life: Life): void => {
    tally.lives += 1;
    if (!life.rested) return void (tally.killedAtStart += 1);
    tally.leftOver += life.rested.leftOver;
    tally.slowestRestMs = Math.max(tally.slowestRestMs, life.rested.ms);
  };
  try {
    for (const seed of mine) {
      if (tally.broken) return;
      const { random } = seededIds(seed);
      const kill =
        random() < 0.25
          ? { from: 'start' as const, afterMs: random() * startMs }
          : {
              from: 'rest' as const,
              afterMs: workMs.least + random() * (workMs.most - workMs.least),
            };
      note(await live(dir, cache, seed, kill));
      killed = `seed ${seed} (killed ${Math.round(kill.afterMs)} ms after its ${kill.from})`;
    }
    note(await live(dir, cache, 0, null));
  } catch (error) {
    tally.broken = true;
    throw new Error(`after ${killed} in ${dir} (kept; repeat with CRASH_SEED=N)`, { cause: error });
  }
  await rm(dir, { recursive: true });
}

test(`a control plane killed ${seeds.length} times leaves nothing stuck and nothing behind`, async (t) => {
  const cache = await mkdtemp(join(tmpdir(), 'cobalt-crash-cache-'));
  const tally: Tally = { lives: 0, killedAtStart: 0, leftOver: 0, slowestRestMs: 0, broken: false };
  t.after(async () => await rm(cache, { recursive: true, force: true }));
  await Promise.all(
    Array.from(
      { length: only === undefined ? worlds : 1 },
      async (_, index) =>
        await world(
          index + 1,
          cache,
          seeds.filter((_seed, at) => at % worlds === index || only !== undefined),
          tally,
        ),
    ),
  );
  t.diagnostic(
    `${tally.lives} lives, ${tally.killedAtStart} killed before they rested, ${tally.leftOver} operations taken up again, slowest rest ${tally.slowestRestMs} ms`,
  );
  // Kills must have interrupted operations, otherwise the test would prove nothing.
  if (seeds.length >= 20)
    assert.ok(
      tally.leftOver > seeds.length / 4,
      `only ${tally.leftOver} operations were interrupted`,
    );
});
