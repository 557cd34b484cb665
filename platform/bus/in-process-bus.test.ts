// The bus contract on the in-process driver, and what only this driver guarantees.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { systemIds } from '../ids.ts';
import { silentLog } from '../log.ts';
import { busContract } from './bus.testing.ts';
import { rpcClient, rpcServer } from './contract.ts';
import { createInProcessBus } from './in-process-bus.ts';

const deps = { clock: systemClock, ids: systemIds, log: silentLog };

busContract('in-process', async () =>
  createInProcessBus(deps, { maxQueued: 50, redeliveryBackoffMs: 2 }),
);

test('in-process: a contract types both ends, and each message is observed', async () => {
  type Greeter = { Greet: { params: { name: string }; result: { text: string } } };
  const observed: string[] = [];
  const bus = createInProcessBus({
    ...deps,
    observe: ({ topic, method, outcome }) => observed.push(`${topic}.${method} ${outcome}`),
  });
  const server = rpcServer<Greeter>('greeter', {
    Greet: async ({ name }) => ({ text: `hello ${name}` }),
  });
  bus.serve(server.topic, server.handlers);
  const outcome = await rpcClient<Greeter>(bus, 'greeter').call(
    'Greet',
    { name: 'ada' },
    { requestId: 'req-1', timeoutMs: 1_000 },
  );
  assert.deepEqual(outcome, { text: 'hello ada' });
  assert.deepEqual(observed, ['greeter.Greet ok']);
  await bus.close();
});

test('in-process: ten thousand calls cost little', async () => {
  const bus = createInProcessBus(deps);
  bus.serve('t', { echo: async (params) => params });
  const params = {
    server: 'a'.repeat(36),
    flavor: { vcpus: 1, ram: 128, extra: { a: '1', b: '2' } },
    list: [1, 2, 3],
  };
  const startedMs = performance.now();
  for (let n = 0; n < 10_000; n += 1)
    await bus.call('t', 'echo', params, { requestId: 'req-1', timeoutMs: 1_000 });
  const usPerCall = (performance.now() - startedMs) / 10;
  // 5 us on a quiet machine; the bound only catches a change in order of magnitude
  assert.ok(usPerCall < 200, `${usPerCall} us a call`);
  await bus.close();
});
