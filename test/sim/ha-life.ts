// The life of a cloud with HA under random troubles: hosts that die, return, freeze or lose
// connections, BMCs and processes of the service that fail. No guest may ever run twice, hosts are
// fenced only by the rules of fencing-rules.ts, and when everything is healed every server runs
// once. Used by ha-seeds.test.ts and, with planted faults, by ha-planted-faults.test.ts.
import assert from 'node:assert/strict';
import { fault } from '#contracts/common/fault.ts';
import type { Ids } from '#platform/ids.ts';
import { seededIds } from '#platform/ids.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { FencingRules, HostTrouble } from './fencing-rules.ts';
import { createFencingRules } from './fencing-rules.ts';
import type { HaCloud, HaCloudOptions } from './ha.testing.ts';
import { inHaCloud } from './ha.testing.ts';

const [servers, troubles] = [3, 8];
const lookEveryMs = 1_000;
/**
 * In a recovery a BMC answers so late that the task's lease of 30 s has ended: the process that
 * asked it is paused meanwhile, and does not renew the lease.
 */
const [lateMs, pausedAfterMs, pausedMs] = [45_000, 6_000, 60_000];
/**
 * Virtual time until everything must be healed: enough for the last retry of the last evacuation.
 */
const healsWithinMs = 1_200_000;

// Cast: callers pass no empty list.
const pick = <T>(of: readonly T[], ids: Ids): T => of[Math.floor(ids.random() * of.length)] as T;

/** Starts or ends one failure. Returns its description, printed if the seed fails. */
async function trouble(held: HaCloud, rules: FencingRules, ids: Ids): Promise<string> {
  const { cloud, clock, silence, cutOff } = held;
  const host = pick([...cloud.hosts.keys()], ids);
  const bmc = cloud.bmcs.get(host) ?? assert.fail(`no BMC of ${host}`);
  const isWorse = ids.random() < 0.6;
  const kinds: Record<HostTrouble | 'process' | 'pauseInRecovery', () => void | Promise<void>> = {
    power: () => (isWorse ? bmc.hostDies() : bmc.hostReturns()),
    everyWay: () => cutOff(host, isWorse),
    reports: () => silence(host, isWorse),
    network: () => cloud.witnesses.cut(host, 'network', isWorse),
    storage: () => cloud.witnesses.cut(host, 'storage', isWorse),
    bmc: () => bmc.breakDown(isWorse ? fault('timeout', 'no route to the BMC') : undefined),
    async process() {
      const { process } = pick(cloud.control.running(), ids);
      await cloud.control.crash(process);
      await cloud.control.restart(process, ids.random() < 0.7);
    },
    pauseInRecovery() {
      bmc.trouble('powerState', { kind: 'delay', ms: lateMs });
      bmc.hostDies();
      clock.after(pausedAfterMs + ids.random() * 3_000, () => {
        const { process } = pick(cloud.control.running(), ids);
        process.stop();
        clock.after(pausedMs, () => process.goOn());
      });
    },
  };
  const kind = pick(Object.keys(kinds) as (keyof typeof kinds)[], ids);
  await kinds[kind]();
  if (kind === 'pauseInRecovery') rules.note(host, 'power', true);
  else if (kind !== 'process') rules.note(host, kind, isWorse);
  return `${host} ${kind} ${isWorse ? 'fails' : 'heals'}`;
}

/**
 * What an operator does: confirms that hosts which are off are off, and acknowledges recovered
 * hosts.
 */
async function operate({ cloud, hypervisors, acknowledge }: HaCloud): Promise<boolean> {
  let isWell = true;
  for (const { host, state } of await hypervisors()) {
    isWell &&= state === 'Healthy';
    const isOff = (await cloud.bmcs.get(host)?.powerState()) === 'Off';
    if (state === 'Recovered' || (state === 'FailedToFence' && isOff)) await acknowledge(host);
  }
  return isWell;
}

async function heal(held: HaCloud): Promise<void> {
  const { cloud, cutOff, clock } = held;
  for (const [host, bmc] of cloud.bmcs) {
    cutOff(host, false);
    bmc.breakDown(undefined);
    bmc.hostReturns();
  }
  await eventually(async () => await operate(held), {
    withinMs: healsWithinMs,
    everyMs: 2_000,
    what: 'all hosts are healthy',
    clock,
  }).catch(async (cause: unknown) => {
    throw new Error(JSON.stringify(await held.hypervisors(), null, 1), { cause });
  });
}

async function isOnce({ cloud }: HaCloud, all: readonly string[]): Promise<void> {
  const seen = await cloud.quiet(300_000, 1_000);
  for (const id of all) {
    const server = seen.find((each) => each.id === id);
    assert.equal(server?.status, 'ACTIVE', JSON.stringify(server));
    const places = [...cloud.hosts].map(async ([, host]) => await host.state(id));
    const running = (await Promise.all(places)).filter((state) => state === 'running');
    assert.equal(running.length, 1);
  }
}

/**
 * Runs the life of one seed. Throws with the story of its troubles if a rule was broken or the
 * cloud did not heal.
 */
export async function liveWithHa(
  seed: number,
  planted: Pick<HaCloudOptions, 'ha' | 'wrapHeartbeats' | 'wrapTasks'> = {},
): Promise<void> {
  const ids = seededIds(seed);
  const story: string[] = [];
  await inHaCloud({ hosts: 5, processes: 2, seed, ...planted }, async (held) => {
    const { cloud, clock, hypervisors } = held;
    const rules = createFencingRules(clock);
    const all: string[] = [];
    for (let index = 0; index < servers; index += 1)
      all.push(await cloud.createServer(`vm${index}`));
    await cloud.quiet(60_000, 500);
    const watch = clock.every(lookEveryMs, async () => rules.look(await hypervisors()), {
      onError: () => undefined, // a process that stands still does not answer
    });
    try {
      for (let count = 0; count < troubles; count += 1) {
        await clock.sleep(ids.random() * 20_000);
        story.push(`${clock.now()} ${await trouble(held, rules, ids)}`);
      }
      await clock.sleep(30_000);
      story.push(JSON.stringify(await hypervisors()));
      await heal(held);
    } finally {
      await watch.stop();
    }
    assert.deepEqual(rules.violations(), []);
    await isOnce(held, all);
  }).catch((cause: unknown) => {
    throw new Error(story.join('\n'), { cause });
  });
}
