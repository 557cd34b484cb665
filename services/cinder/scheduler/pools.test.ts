// cinder-scheduler's figures of pools: how old they may be, and what it answers from them.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CinderSchedulerRpc } from '#contracts/cinder/scheduler-rpc.ts';
import { cinderSchedulerTopic } from '#contracts/cinder/scheduler-rpc.ts';
import type { BackendFigures } from '#contracts/cinder/volume-rpc.ts';
import type { Outcome } from '#contracts/common/fault.ts';
import { fault, isFault } from '#contracts/common/fault.ts';
import type { RpcClient } from '#platform/bus/contract.ts';
import { rpcClient } from '#platform/bus/contract.ts';
import type { CinderFixture } from '../cinder.testing.ts';
import { startCinder } from '../cinder.testing.ts';
import { watchPools } from './pools.ts';

const figures: BackendFigures = {
  backend: 'a',
  host: 'control@a#a',
  vendorName: 'v',
  driverVersion: '1',
  storageProtocol: 'nfs',
  totalGib: 100,
  freeGib: 50,
  answers: true,
};

let cinder: CinderFixture;
let scheduler: RpcClient<CinderSchedulerRpc>;
before(async () => {
  cinder = await startCinder();
  scheduler = rpcClient<CinderSchedulerRpc>(cinder.deps.bus, cinderSchedulerTopic);
});
after(async () => await cinder.close());
const options = { timeoutMs: 5_000, requestId: 'req-1' };

describe('figures of backends', () => {
  let nowMs = 0;
  let callCount = 0;
  let answer: Outcome<BackendFigures[]>;
  let pools: ReturnType<typeof watchPools>;
  beforeEach(() => {
    [nowMs, callCount, answer] = [0, 0, [figures]];
    pools = watchPools({
      database: cinder.deps.database,
      clock: { ...cinder.deps.clock, now: () => nowMs },
      config: { ...cinder.deps.config, statsMaxAgeMs: 5_000 },
      volume: {
        call: async () => {
          callCount += 1;
          return answer as never; // the fake for the one method that is called
        },
      },
    });
  });

  it('are asked for once for all who want them within statsMaxAgeMs', async () => {
    await Promise.all([pools('r'), pools('r'), pools('r')]);
    nowMs = 4_999;
    await pools('r');
    assert.equal(callCount, 1);
    nowMs = 5_000;
    await pools('r');
    assert.equal(callCount, 2);
  });

  it('are asked for again soon while a backend does not answer', async () => {
    answer = [{ ...figures, answers: false }];
    await pools('r');
    nowMs = 500;
    await pools('r');
    assert.equal(callCount, 2);
  });

  it('are not kept when cinder-volume does not answer', async () => {
    answer = fault('unavailable', 'nobody there');
    const refusal = await pools('r');
    assert.equal(isFault(refusal) && refusal.kind, 'unavailable');
    answer = [figures];
    assert.equal(isFault(await pools('r')), false);
    assert.equal(callCount, 2);
  });
});

describe('cinder-scheduler', () => {
  it('leaves a volume where it is', async () => {
    const { id } = await cinder.make('volumes', 'volume', { size: 1 });
    assert.deepEqual(await scheduler.call('choosePool', { volumeId: id }, options), {
      host: 'control@sim#sim',
    });
    const unknown = await scheduler.call('choosePool', { volumeId: 'none-such' }, options);
    assert.equal(isFault(unknown) && unknown.kind, 'notFound');
  });

  it('counts what is placed, and which services are disabled', async () => {
    const pool = async () => {
      const [only] = (await scheduler.call('pools', {}, options)) as { enabled: boolean }[];
      return only;
    };
    assert.deepEqual(
      { ...(await pool()), freeGib: 0 },
      {
        backend: 'sim',
        host: 'control@sim#sim',
        answers: true,
        enabled: true,
        totalGib: 10_000,
        freeGib: 0,
        provisionedGib: 1,
        driverVersion: '1.0',
        storageProtocol: 'sim',
        vendorName: 'CobaltCore',
      },
    );
    const body = { host: 'control@sim', binary: 'cinder-volume' };
    await cinder.ask('admin', 'PUT', 'os-services/disable', { body });
    assert.equal((await pool())?.enabled, false);
    await cinder.ask('admin', 'PUT', 'os-services/enable', { body });
    assert.equal((await pool())?.enabled, true);
  });

  it('says whether a pool offers what a type asks for', async () => {
    const { body } = await cinder.ask('admin', 'POST', 'types', {
      body: { volume_type: { name: 'x', extra_specs: { volume_backend_name: 'elsewhere' } } },
    });
    const ask = async (host: string, typeId: string) =>
      await scheduler.call('suitsType', { host, typeId }, options);
    assert.deepEqual(await ask('control@sim#sim', body.volume_type.id), { suits: false });
    const { body: types } = await cinder.ask('admin', 'GET', 'types/default');
    assert.deepEqual(await ask('control@sim#sim', types.volume_type.id), { suits: true });
    assert.deepEqual(await ask('control@none#none', types.volume_type.id), { suits: false });
  });
});
