// One seeded simulation: users work on a cloud whose hosts fail and whose messages are late; in the
// end everything rests, the audit finds nothing, and all can be deleted. Time, chance and the order
// of messages come from the seed alone, so the same seed gives the same trace.
import { argon2Sync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Trouble } from '#adapters/sim/sim-trouble.ts';
import type { FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Ids } from '#platform/ids.ts';
import { seededIds } from '#platform/ids.ts';
import { createLog } from '#platform/log.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import type { FakeClock } from '#platform/testing/fake-clock.ts';
import { makeFilesInstant } from './instant-files.ts';
import { doSomething, halfMade, oneOf } from './random-work.ts';
import type { Trace } from './sim-chance.ts';
import { createTrace, lateBus, lateHttp } from './sim-chance.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';
import type { SimControlOptions } from './sim-control.ts';

export interface SimulationOptions {
  /** Of the control plane. */
  processes?: number;
  /** What each user does. */
  deeds?: number;
  wrapSagas?: SimControlOptions['wrapSagas'];
}

export interface SimulationResult {
  trace: string;
  /** What an invariant found, or what was thrown; undefined: all hold. */
  failure?: string;
  troubles: number;
  virtualMs: number;
}

const users = 3;
const hosts = 3;
/** Of virtual time: a bound against what never rests. */
const restMs = 600_000;
const longestPauseMs = 200;

const methods = [
  'create',
  'rebuild',
  'start',
  'stop',
  'reboot',
  'pause',
  'unpause',
  'suspend',
  'resume',
  'rescue',
  'unrescue',
  'destroy',
  'state',
  'list',
  'ensureImage',
  'attachNic',
  'detachNic',
  'attachVolume',
  'detachVolume',
] as const;
const kinds: readonly FaultKind[] = ['unavailable', 'timeout', 'conflict', 'notFound'];

function randomTrouble(ids: Pick<Ids, 'random'>, longestMs: number): Trouble {
  const dice = ids.random();
  if (dice < 0.4) return { kind: 'delay', ms: ids.random() * longestMs };
  const met = fault(oneOf(kinds, ids) ?? 'unavailable', 'a trouble by chance');
  return dice < 0.7 ? { kind: 'fault', fault: met } : { kind: 'lostAnswer', fault: met };
}

/** Alone in its process while it runs: it makes files instant. */
export async function simulate(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  // in memory where that can be had: nothing of it is kept
  const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = mkdtempSync(join(folder, 'cobalt-simulation-'));
  const filesAsBefore = makeFilesInstant();
  const clock = createFakeClock();
  const startMs = clock.now();
  const trace = createTrace(clock, dir);
  const counted = { troubles: 0 };
  let failure: string | undefined;
  try {
    await live(seed, dir, clock, trace, options, counted);
  } catch (error) {
    failure = inspect(error, { depth: 6 });
    trace.add('failure', { failure });
  } finally {
    clock.stop();
    filesAsBefore();
    rmSync(dir, { recursive: true, force: true });
  }
  return {
    trace: trace.text(),
    ...(failure === undefined ? {} : { failure }),
    troubles: counted.troubles,
    virtualMs: clock.now() - startMs,
  };
}

async function live(
  seed: number,
  dir: string,
  clock: FakeClock,
  trace: Trace,
  { processes = 1, deeds = 12, wrapSagas }: SimulationOptions,
  counted: { troubles: number },
): Promise<void> {
  // Streams of chance of their own, so that a changed message does not change what the users do.
  const [ids, userIds, messageIds] = [seed, seed + 0x5eed, seed + 0xcafe].map(seededIds) as [
    Ids,
    Ids,
    Ids,
  ]; // three seeds, three streams
  const log = createLog({ level: 'warn', destination: trace.log });
  const chance = { clock, ids: messageIds, trace };
  const cloud = await startSimCloud({
    dir,
    hosts,
    clock,
    ids,
    log,
    inMemory: true,
    agent: { syncEveryMs: 250 },
    control: {
      processes,
      metrics: trace.metrics,
      wrapBus: (bus) => lateBus(bus, chance),
      wrapHttp: (http) => lateHttp(http, chance),
      keystone: {
        passwordCost: { memoryKib: 8, passes: 1, maxConcurrent: 1 },
        deriveHash: async (parameters) => argon2Sync('argon2id', parameters),
      },
      ...(wrapSagas ? { wrapSagas } : {}),
    },
  });
  try {
    await work(cloud, clock, userIds, deeds, counted);
    for (const host of cloud.hosts.values()) host.clearTroubles();
    tell(trace, 'at rest', await cloud.quiet(restMs));
    let left: string[] = [];
    await eventually(async () => (left = await halfMade(cloud)).length === 0, {
      withinMs: restMs,
      everyMs: 500,
      what: 'nothing is half made',
      clock,
    }).catch((cause: unknown) => {
      throw new Error(`half made: ${left.join(', ')}`, { cause });
    });
    for (const { id } of await cloud.list()) await cloud.compute('DELETE', `/servers/${id}`);
    await eventually(async () => (await cloud.quiet(restMs)).length === 0, {
      withinMs: restMs,
      what: 'every server is gone',
      clock,
    });
  } finally {
    await cloud.stop();
  }
}

async function work(
  cloud: SimCloud,
  clock: FakeClock,
  ids: Ids,
  deeds: number,
  counted: { troubles: number },
): Promise<void> {
  const user = async (): Promise<void> => {
    for (let deed = 0; deed < deeds; deed += 1) {
      for (const host of cloud.hosts.values()) {
        const method = oneOf(methods, ids);
        if (method === undefined || ids.random() < 0.6) continue;
        host.trouble(method, randomTrouble(ids, longestPauseMs));
        counted.troubles += 1;
      }
      if (ids.random() < 0.05)
        oneOf([...cloud.hosts.values()], ids)?.guestEnds(
          oneOf(await cloud.list(), ids)?.id ?? '',
          ids.random() < 0.5 ? 'shutoff' : 'crashed',
        );
      await doSomething(cloud, ids);
      await clock.sleep(ids.random() * longestPauseMs);
    }
  };
  await Promise.all(Array.from({ length: users }, user));
}

function tell(trace: Trace, what: string, servers: readonly object[]): void {
  for (const server of servers) trace.add(what, server);
}
