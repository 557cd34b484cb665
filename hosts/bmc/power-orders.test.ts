// Power orders that overlap, and hosts that are slow to obey.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFault } from '#contracts/common/fault.ts';
import { silentLog } from '#platform/log.ts';
import { createFakeClock } from '#platform/testing/fake-clock.ts';
import { createTestChassis } from './chassis.testing.ts';
import { createPowerOrders, powerOf } from './power-orders.ts';
import type { PowerOrders, PowerTiming } from './power-orders.ts';

function setup(timing: PowerTiming = 'immediate') {
  const clock = createFakeClock({ movedBy: 'advance' });
  const chassis = createTestChassis();
  const orders = createPowerOrders({
    chassis,
    clock,
    log: silentLog,
    timing,
    orderMs: 100,
    trouble: () => undefined,
    onOrder: () => undefined,
  });
  return { clock, chassis, orders };
}
const kindOf = async (order: ReturnType<PowerOrders['order']>): Promise<string> => {
  const outcome = await order;
  return isFault(outcome) ? outcome.kind : 'taken';
};

test('a power cut that takes long is answered in time, and holds off other orders', async () => {
  const { clock, chassis, orders } = setup();
  const cut = Promise.withResolvers<undefined>();
  const cutPower = chassis.cutPower.bind(chassis);
  chassis.cutPower = async () => {
    await cut.promise;
    return await cutPower();
  };
  const answer = kindOf(orders.order('ForceOff'));
  await clock.advance(2_900);
  assert.equal(await orders.state(), 'PoweringOff');
  assert.equal(await kindOf(orders.order('On')), 'conflict');
  await clock.advance(200);
  assert.equal(await answer, 'taken');
  assert.equal(await orders.state(), 'PoweringOff', 'it does not say Off before it is');
  cut.resolve(undefined);
  await clock.advance(0);
  assert.equal(await orders.state(), 'Off');
  await orders.close();
});

test('a shutdown that hangs is ended by a power cut, and does not end the next boot', async () => {
  const { clock, chassis, orders } = setup();
  let [isAsked, signals] = [false, [] as AbortSignal[]];
  chassis.shutDown = async (signal) => {
    isAsked = true;
    signals = [...signals, signal];
    await clock.sleep(60_000, { signal }).catch(() => undefined);
    if (!signal.aborted) await chassis.cutPower();
  };
  assert.equal(await kindOf(orders.order('GracefulShutdown')), 'taken');
  assert.ok(isAsked);
  assert.equal(await kindOf(orders.order('ForceOff')), 'taken');
  assert.equal(await orders.state(), 'Off');
  assert.equal(await kindOf(orders.order('On')), 'taken');
  await clock.advance(120_000);
  assert.equal(await orders.state(), 'On');
  assert.equal(chassis.runs, true);
  assert.ok(signals.every(({ aborted }) => aborted));
  await orders.close();
});

test('a task whose chassis fails says so, and the next order is taken', async () => {
  const { clock, chassis, orders } = setup('task');
  chassis.cutPower = async () => {
    throw new Error('fuse blown');
  };
  const outcome = await orders.order('ForceOff');
  assert.ok(!isFault(outcome) && outcome.task?.state === 'Running');
  await clock.advance(100);
  assert.equal(outcome.task.state, 'Exception');
  assert.match(outcome.task.message, /fuse blown/);
  assert.equal(await orders.state(), 'On');
  assert.equal(await kindOf(orders.order('GracefulShutdown')), 'taken');
  await clock.advance(100);
  assert.equal(await orders.state(), 'Off');
  await orders.close();
});

test('only a host of which nothing runs is off', () => {
  const rows: [string | null, boolean, boolean, boolean, string][] = [
    // Columns: boot, ready, kept off, starting.
    ['1', true, false, false, 'On'],
    ['1', false, false, false, 'PoweringOn'],
    ['1', true, true, false, 'PoweringOff'],
    ['1', false, true, true, 'PoweringOff'],
    [null, false, false, false, 'Off'],
    [null, false, true, false, 'Off'],
    [null, false, false, true, 'PoweringOn'],
    [null, false, true, true, 'Off'],
  ];
  for (const [boot, isReady, isKeptOff, isStarting, state] of rows)
    assert.equal(powerOf({ boot, isReady, isKeptOff }, isStarting), state);
});
