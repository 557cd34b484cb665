// Random failures: hosts that die, return, freeze or lose connections, BMCs and processes of the
// service that fail. No guest may ever run twice, and when everything is healed every server runs
// once. HA_SEEDS=500 runs that many seeds, HA_SEED=7 only this one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '#contracts/common/fault.ts';
import type { Ids } from '#platform/ids.ts';
import { seededIds } from '#platform/ids.ts';
import { eventually } from '#platform/testing/eventually.ts';
import type { HaCloud } from './ha.testing.ts';
import { inHaCloud } from './ha.testing.ts';

const count = Number(process.env['HA_SEEDS'] ?? 5);
const one = process.env['HA_SEED'];
const seeds =
  one === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(one)];
const [servers, troubles] = [3, 8];
/**
 * Virtual time until everything must be healed: enough for the last retry of the last evacuation.
 */
const healsWithinMs = 1_200_000;

// Cast: callers pass no empty list.
const pick = <T>(of: readonly T[], ids: Ids): T => of[Math.floor(ids.random() * of.length)] as T;

/** Starts or ends one failure of one host. Returns its description, printed if the seed fails. */
async function trouble(haCloud: HaCloud, ids: Ids): Promise<string> {
  const { cloud, silence, cutOff } = haCloud;
  const host = pick([...cloud.hosts.keys()], ids);
  const bmc = cloud.bmcs.get(host) ?? assert.fail(`no BMC of ${host}`);
  const isWorse = ids.random() < 0.6;
  const kinds: Record<string, () => void | Promise<void>> = {
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
  };
  const kind = pick(Object.keys(kinds), ids);
  await kinds[kind]?.();
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

async function heal(haCloud: HaCloud): Promise<void> {
  const { cloud, cutOff, clock } = haCloud;
  for (const [host, bmc] of cloud.bmcs) {
    cutOff(host, false);
    bmc.breakDown(undefined);
    bmc.hostReturns();
  }
  await eventually(async () => await operate(haCloud), {
    withinMs: healsWithinMs,
    everyMs: 2_000,
    what: 'all hosts are healthy',
    clock,
  }).catch(async (cause: unknown) => {
    throw new Error(JSON.stringify(await haCloud.hypervisors(), null, 1), { cause });
  });
}

describe('a cloud with HA in trouble', { timeout: 3_600_000 }, () => {
  for (const seed of seeds)
    it(`runs every server once, and never one twice (seed ${seed})`, async () => {
      const ids = seededIds(seed);
      const story: string[] = [];
      await inHaCloud({ hosts: 5, processes: 2, seed }, async (haCloud) => {
        const { cloud, clock, hypervisors } = haCloud;
        const all: string[] = [];
        for (let index = 0; index < servers; index += 1)
          all.push(await cloud.createServer(`vm${index}`));
        await cloud.quiet(60_000, 500);
        for (let troubleCount = 0; troubleCount < troubles; troubleCount += 1) {
          await clock.sleep(ids.random() * 20_000);
          story.push(`${clock.now()} ${await trouble(haCloud, ids)}`);
        }
        await clock.sleep(30_000);
        story.push(JSON.stringify(await hypervisors()));
        await heal(haCloud);
        const finalServers = await cloud.quiet(300_000, 1_000);
        for (const id of all) {
          const server = finalServers.find((each) => each.id === id);
          assert.equal(server?.status, 'ACTIVE', JSON.stringify(server));
          const places = [...cloud.hosts].map(async ([, host]) => await host.state(id));
          const running = (await Promise.all(places)).filter((state) => state === 'running');
          assert.equal(running.length, 1);
        }
      }).catch((cause: unknown) => {
        throw new Error(story.join('\n'), { cause });
      });
    });
});
