// A cloud whose hypervisors fail, lose answers and are slow at random while users work: in the end
// everything rests and the audit finds nothing. TROUBLE_SEEDS=100 runs more, TROUBLE_SEED=17 one
// alone.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Trouble } from '#adapters/sim/sim-trouble.ts';
import type { FaultKind } from '#contracts/common/fault.ts';
import { fault } from '#contracts/common/fault.ts';
import type { Ids } from '#platform/ids.ts';
import { seededIds } from '#platform/ids.ts';
import { eventually } from '#platform/testing/eventually.ts';
import { doSomething, oneOf } from './random-work.ts';
import type { SimCloud } from './sim-cloud.ts';
import { startSimCloud } from './sim-cloud.ts';

const only = process.env['TROUBLE_SEED'];
const seeds =
  only === undefined
    ? Array.from({ length: Number(process.env['TROUBLE_SEEDS'] ?? 25) }, (_, index) => index + 1)
    : [Number(only)];
const users = 3;
const deedsOfEach = 12;
// A bound against a cloud that never rests, far above what a busy machine needs.
const restMs = 120_000;

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
] as const;
const kinds: readonly FaultKind[] = ['unavailable', 'timeout', 'conflict', 'notFound'];

function randomTrouble(ids: Pick<Ids, 'random'>): Trouble {
  const dice = ids.random();
  if (dice < 0.4) return { kind: 'delay', ms: ids.random() * 40 };
  const met = fault(oneOf(kinds, ids) ?? 'unavailable', 'a trouble by chance');
  return dice < 0.7 ? { kind: 'fault', fault: met } : { kind: 'lostAnswer', fault: met };
}

describe('a cloud in trouble', () => {
  let dir: string;
  let cloud: SimCloud;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'cobalt-troubles-'));
    // What an event could not tell, the next comparison does: here soon, so that the test need not
    // wait a minute for it.
    cloud = await startSimCloud({ dir, hosts: 3, agent: { syncEveryMs: 250 } });
  });
  after(async () => {
    await cloud?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  for (const seed of seeds) {
    it(`comes to rest (seed ${seed})`, async () => {
      const ids = seededIds(seed);
      let met = 0;
      await Promise.all(
        Array.from({ length: users }, async () => {
          for (let deed = 0; deed < deedsOfEach; deed += 1) {
            for (const host of cloud.hosts.values()) {
              const method = oneOf(methods, ids);
              if (method === undefined || ids.random() < 0.6) continue;
              host.trouble(method, randomTrouble(ids));
              met += 1;
            }
            if (ids.random() < 0.05)
              oneOf([...cloud.hosts.values()], ids)?.guestEnds(
                oneOf(await cloud.list(), ids)?.id ?? '',
                ids.random() < 0.5 ? 'shutoff' : 'crashed',
              );
            await doSomething(cloud, ids);
            await new Promise((resolve) => setTimeout(resolve, ids.random() * 10));
          }
        }),
      );
      for (const host of cloud.hosts.values()) host.clearTroubles();
      await cloud.quiet(restMs);
      assert.ok(met > (users * deedsOfEach) / 2, `only ${met} troubles`);
      // And whatever is left can be deleted.
      for (const { id } of await cloud.list()) await cloud.compute('DELETE', `/servers/${id}`);
      await eventually(async () => (await cloud.quiet(restMs)).length === 0, {
        withinMs: restMs,
        what: 'every server is gone',
      });
    });
  }
});
