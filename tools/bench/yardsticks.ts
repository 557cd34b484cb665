// Yardsticks: what the machine itself needs for the core of what a benchmark measures, without our
// code. Bars are ratios to yardsticks, so that they hold on slow and fast machines. Each yardstick
// is measured in the same run as its figure. docs/how-to/measure.md describes them.
import { spawn } from 'node:child_process';
import { argon2, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { repository } from '#cli/run-tool.ts';
import type { Json } from '#contracts/common/json.ts';
import { systemClock } from '#platform/clock.ts';
import { defaultPasswordCost } from '#services/keystone/api/passwords/passwords.ts';
import type { AnswerMessage } from './bare-server.ts';
import { createLoad } from './load.ts';
import { median } from './report.ts';

/** A running bare-server.ts. */
export interface BareServer {
  port: number;
  /** Resident memory, MB. */
  residentMb(): Promise<number>;
  /** Makes requests that are answered with this JSON, serialised anew for each. */
  requests(
    answer: Json,
    load: { count: number; concurrency: number },
  ): Promise<{ p50Ms: number; perSecond: number }>;
  close(): Promise<void>;
}

export async function startBareServer(): Promise<BareServer> {
  const dir = await mkdtemp(join(tmpdir(), 'bare-'));
  const child = spawn(
    process.execPath,
    [...process.execArgv, join(repository, 'tools/bench/bare-server.ts'), join(dir, 'file')],
    { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    port,
    residentMb: async () => await residentMb(child.pid ?? 0),
    async requests(answer, { count, concurrency }) {
      const answers = once(child, 'message');
      child.send({ answer } satisfies AnswerMessage);
      await answers;
      const load = createLoad(port, concurrency);
      const call = () => ({ method: 'GET', path: '/' });
      await load.run(Math.ceil(count / 5), call, 200);
      const { latenciesMs, seconds } = await load.run(count, call, 200);
      load.close();
      return { p50Ms: median(latenciesMs), perSecond: count / seconds };
    },
    async close() {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Resident memory of a process in 10^6 bytes. proc(5), status. */
export async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1024) / 1e6;
}

/**
 * Shares of a core: an idle process uses less than this. `first`: the first process; `other`: each
 * further one.
 */
const idleShare = { first: 0.05, other: 0.02 };
const [lookMs, quietLooks, idleWithinMs] = [1_000, 5, 120_000];

/**
 * Waits until the processes have used hardly any CPU for some seconds, so that work after their
 * start does not disturb the measurement. Gives up waiting after two minutes.
 */
export async function untilIdle(pids: readonly number[]): Promise<void> {
  const endsAt = performance.now() + idleWithinMs;
  const most = lookMs * (idleShare.first + idleShare.other * (pids.length - 1));
  let quiet = 0;
  for (let before = await cpuMs(pids); quiet < quietLooks && performance.now() < endsAt;) {
    await systemClock.sleep(lookMs);
    const now = await cpuMs(pids);
    quiet = now - before < most ? quiet + 1 : 0;
    before = now;
  }
}

/** CPU time of processes in user and kernel mode. */
export async function cpuMs(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(pids.map(cpuMsOf));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** CPU time of one process, ms, at 100 clock ticks a second. proc(5), stat. */
async function cpuMsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The process name ends with the last bracket and may contain spaces; utime and stime are the
  // 12th and 13th field after it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const derive = promisify(argon2);

/** One password hash with the cost that Keystone uses, median, ms. */
export async function passwordHashMs(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const startedAt = performance.now();
    await derive('argon2id', {
      message: 'secret',
      nonce: randomBytes(16),
      parallelism: 1,
      tagLength: 32,
      memory: defaultPasswordCost.memoryKib,
      passes: defaultPasswordCost.passes,
    });
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

const hashedMib = 16;

/**
 * Time for SHA-512 of 16 MiB on one core, the shortest of several runs, ms: measures a core's
 * speed.
 */
export function hashingMs(): number {
  const bytes = randomBytes(hashedMib * 1024 * 1024);
  const times = Array.from({ length: 7 }, () => {
    const startedAt = performance.now();
    createHash('sha512').update(bytes).digest();
    return performance.now() - startedAt;
  });
  return Math.min(...times);
}

/**
 * Transactions per second on a database file with the settings of platform/db. Each inserts a row
 * of about 1 KB and an event, and updates the row, as the creation of a resource does.
 */
export async function transactionsPerSecond(): Promise<number> {
  const count = 2000;
  const dir = await mkdtemp(join(tmpdir(), 'bare-'));
  const db = new DatabaseSync(join(dir, 'yardstick.sqlite'));
  try {
    db.exec('pragma auto_vacuum = incremental; pragma journal_mode = wal');
    db.exec('pragma synchronous = normal; pragma foreign_keys = on');
    db.exec(`create table resources (id text primary key, state text, facts text) strict;
      create table events (id integer primary key, resource text references resources (id), at integer) strict;
      create index events_of on events (resource)`);
    const [begin, commit] = [db.prepare('begin immediate'), db.prepare('commit')];
    const insert = db.prepare('insert into resources values (?, ?, ?)');
    const event = db.prepare('insert into events (resource, at) values (?, ?)');
    const change = db.prepare('update resources set state = ? where id = ?');
    const facts = 'x'.repeat(1000);
    const rates: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const startedAt = performance.now();
      for (let index = 0; index < count; index += 1) {
        const id = `${round}-${index}`;
        begin.run();
        insert.run(id, 'building', facts);
        event.run(id, index);
        change.run('active', id);
        commit.run();
      }
      rates.push(count / ((performance.now() - startedAt) / 1000));
    }
    return median(rates);
  } finally {
    db.close();
    await rm(dir, { recursive: true, force: true });
  }
}
