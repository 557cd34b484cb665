// One simulation by a seed: users work on a cloud whose hosts fail and whose messages are late; in
// the end all operations have ended, the audit finds nothing, and everything can be deleted. Time,
// randomness and the order of messages come only from the seed, so the same seed gives the same
// trace.
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
import { instantPasswords } from './instant-passwords.ts';
import { createInvariants } from './invariants.ts';
import type { PlantedFault } from './planted-faults.ts';
import { plantedFaults } from './planted-faults.ts';
import { troubleProcesses } from './process-troubles.ts';
import { doSomething, halfMade, oneOf } from './random-work.ts';
import type { Trace } from './sim-chance.ts';
import { createTrace, lateBus, lateHttp } from './sim-chance.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

export interface SimulationOptions {
  /**
   * Number of control plane processes, by default 2. Of several, one at a time is paused or killed.
   */
  processes?: number;
  /** Number of actions of each user. */
  deeds?: number;
  planted?: PlantedFault;
  /** Whether Nova's scheduler asks Cortex. */
  cortex?: true;
}

export interface SimulationResult {
  trace: string;
  /** The violated invariant, or the error; undefined: all is well. */
  failure?: string;
  troubles: number;
  virtualMs: number;
}

const users = 3;
const hosts = 3;
/** Virtual time: a limit for operations that never end. */
const restMs = 600_000;
const longestPauseMs = 200;
/**
 * Virtual time. Polled rarely, since one poll costs as much as the work of the cloud in between.
 */
const pollEveryMs = 500;
const syncEveryMs = 1_000;
const longestSkewMs = 1_000;
/** Virtual time at the end of some runs during which nothing may change any more. */
const quietMs = 180_000;
const quietShare = 0.1;

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
  'departure',
  'prepareArrival',
  'abandonArrival',
  'migrate',
  'arrivalState',
  'settleArrival',
  'forgetDeparted',
] as const;
const kinds: readonly FaultKind[] = ['unavailable', 'timeout', 'conflict', 'notFound'];

function randomTrouble(ids: Pick<Ids, 'random'>, longestMs: number): Trouble {
  const dice = ids.random();
  if (dice < 0.4) return { kind: 'delay', ms: ids.random() * longestMs };
  const met = fault(oneOf(kinds, ids) ?? 'unavailable', 'a trouble by chance');
  return dice < 0.7 ? { kind: 'fault', fault: met } : { kind: 'lostAnswer', fault: met };
}

/**
 * Runs the simulation of a seed. Nothing else may run in this process meanwhile, since file access
 * is made synchronous.
 */
export async function simulate(
  seed: number,
  options: SimulationOptions = {},
): Promise<SimulationResult> {
  // In memory if possible: nothing of the folder is kept.
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
  { processes = 2, deeds = 12, planted, cortex }: SimulationOptions,
  counted: { troubles: number },
): Promise<void> {
  // Separate random streams, so that a change in the messages does not change what users do.
  const [ids, userIds, messageIds, processIds] = [
    seed,
    seed + 0x5eed,
    seed + 0xcafe,
    seed + 0xfa11,
  ].map(seededIds) as [Ids, Ids, Ids, Ids]; // cast: four seeds give four streams
  const log = createLog({ level: 'warn', destination: trace.log });
  const invariants = createInvariants(clock);
  const chance = { clock, ids: messageIds, trace };
  const cloud = await startSimCloud({
    dir,
    hosts,
    clock,
    ids,
    log,
    inMemory: true,
    ...(cortex && { cortex }),
    agent: { syncEveryMs },
    control: {
      processes,
      longestSkewMs,
      metrics: trace.metrics,
      wrapBus: (bus, own) => lateBus(bus, { ...chance, clock: own }),
      wrapHttp: (http, own) => lateHttp(http, { ...chance, clock: own }),
      keystone: instantPasswords,
      invariants,
      ...(planted ? plantedFaults[planted]() : {}),
    },
  });
  try {
    let areUsersDone = false;
    const users = work(cloud, clock, userIds, deeds, counted).finally(() => (areUsersDone = true));
    users.catch(() => undefined); // rethrown below
    const processTroubles =
      processes > 1
        ? await troubleProcesses({
            control: cloud.control,
            clock,
            ids: processIds,
            trace,
            isOver: () => areUsersDone,
          })
        : 0;
    await users;
    counted.troubles += processTroubles;
    for (const host of cloud.hosts.values()) host.clearTroubles();
    traceServers(trace, 'at rest', await cloud.quiet(restMs, pollEveryMs));
    let left: string[] = [];
    await eventually(async () => (left = await halfMade(cloud)).length === 0, {
      withinMs: restMs,
      everyMs: pollEveryMs,
      what: 'nothing is half made',
      clock,
    }).catch((cause: unknown) => {
      throw new Error(`half made: ${left.join(', ')}`, { cause });
    });
    if (processIds.random() < quietShare) {
      await clock.sleep(quietMs);
      const found = await cloud.differences();
      if (found.length > 0) throw new Error(`not at rest any more: ${JSON.stringify(found)}`);
    }
    for (const { id } of await cloud.list()) await cloud.compute('DELETE', `/servers/${id}`);
    await eventually(async () => (await cloud.quiet(restMs, pollEveryMs)).length === 0, {
      withinMs: restMs,
      everyMs: pollEveryMs,
      what: 'every server is gone',
      clock,
    });
  } catch (cause) {
    throw new Error(['a simulation failed', ...invariants.violations()].join('\n'), { cause });
  } finally {
    await cloud.stop();
  }
  if (invariants.violations().length > 0) throw new Error(invariants.violations().join('\n'));
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
      const twice = cloud.runningTwice();
      if (twice.length > 0) throw new Error(`guests run twice: ${twice.join(', ')}`);
    }
  };
  await Promise.all(Array.from({ length: users }, user));
}

function traceServers(trace: Trace, what: string, servers: readonly object[]): void {
  for (const server of servers) trace.add(what, server);
}
