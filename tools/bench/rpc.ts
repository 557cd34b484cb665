// `cobalt bench rpc`: a call over RabbitMQ and its answer, with all that the bus guarantees (a
// known consumer, a deadline, early acceptance, fences), in turns with a bare client of the same
// library on the same broker.
import { Connection } from 'rabbitmq-client';
import { isFault } from '#contracts/common/fault.ts';
import type { AmqpOptions } from '#platform/bus/amqp/amqp-bus.ts';
import { createAmqpBus } from '#platform/bus/amqp/amqp-bus.ts';
import { startRabbitmq } from '#platform/bus/amqp/rabbitmq.testing.ts';
import { systemClock } from '#platform/clock.ts';
import { systemIds } from '#platform/ids.ts';
import { silentLog } from '#platform/log.ts';
import type { Side } from './compare.ts';
import { runOrder } from './compare.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';

const topic = 'compute.bench';
/** The parameters of a call: about as large as the message that builds a server. */
const params = { spec: 'x'.repeat(2_000) };
const [slices, callsASlice, warmUp] = [20, 100, 500];
const [manyAtATime, manyCalls] = [32, 2_000];

/** The caller's side of one of the two clients. `ask` sends a call and waits for its answer. */
interface Client {
  ask(): Promise<void>;
  close(): Promise<void>;
}

export async function benchRpc(say: (text: string) => void): Promise<Figure[]> {
  say('starting RabbitMQ');
  const rabbitmq = await startRabbitmq();
  try {
    const [bus, bare] = [busClient(rabbitmq.options), await bareClient(rabbitmq.options)];
    try {
      return await measure(bus, bare, say);
    } finally {
      await bus.close();
      await bare.close();
    }
  } finally {
    await rabbitmq.stop();
  }
}

async function measure(bus: Client, bare: Client, say: (text: string) => void): Promise<Figure[]> {
  const clients: Record<Side, Client> = { base: bare, current: bus };
  const latencies: Record<Side, number[]> = { base: [], current: [] };
  const rates: Record<Side, number[]> = { base: [], current: [] };
  for (const client of Object.values(clients)) await repeat(client, warmUp, 1);
  say('one call after the other');
  for (const side of runOrder(slices).flat())
    latencies[side].push(...(await repeat(clients[side], callsASlice, 1)));
  say(`${manyAtATime} calls at a time`);
  for (const side of runOrder(slices / 4).flat()) {
    const startedAt = performance.now();
    await repeat(clients[side], manyCalls, manyAtATime);
    rates[side].push(manyCalls / ((performance.now() - startedAt) / 1000));
  }
  const beside = (value: number) => ({ what: 'a bare client, same broker', value });
  return [
    {
      what: 'a call and its answer, p50',
      value: median(latencies.current),
      unit: 'ms',
      yardstick: beside(median(latencies.base)),
      bar: { atMost: 2 },
    },
    {
      what: 'the same, p99',
      value: percentile(latencies.current, 0.99),
      unit: 'ms',
      yardstick: beside(percentile(latencies.base, 0.99)),
    },
    {
      what: `calls, ${manyAtATime} at a time`,
      value: median(rates.current),
      unit: 'calls/s',
      yardstick: beside(median(rates.base)),
    },
  ];
}

/** Makes `count` calls; returns latencies, ms. */
async function repeat(client: Client, count: number, concurrency: number): Promise<number[]> {
  const latencies: number[] = [];
  let left = count;
  const ask = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedAt = performance.now();
      await client.ask();
      latencies.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, ask));
  return latencies;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;

function busClient(options: Pick<AmqpOptions, 'hosts' | 'username' | 'password'>): Client {
  const deps = { clock: systemClock, ids: systemIds, log: silentLog };
  // Two connections, since caller and agent are two processes in reality.
  const [caller, agent] = [createAmqpBus(options, deps), createAmqpBus(options, deps)];
  agent.serve(topic, { build: async ({ spec }) => ({ spec }) });
  return {
    async ask() {
      const terms = { timeoutMs: 30_000, requestId: 'req-bench' };
      const answer = await caller.call(topic, 'build', params, terms);
      if (isFault(answer)) throw new Error(answer.message);
    },
    async close() {
      await caller.close();
      await agent.close();
    },
  };
}

/** The bare client: no publisher confirms, no deadline; direct reply-to, as the bus. */
async function bareClient(
  options: Pick<AmqpOptions, 'hosts' | 'username' | 'password'>,
): Promise<Client> {
  const connect = (): Connection =>
    new Connection({ ...options, hosts: [...options.hosts], noDelay: true });
  const [caller, server] = [connect(), connect()];
  const queue = 'bare';
  const consumer = server.createConsumer(
    { queue, queueOptions: { autoDelete: true }, qos: { prefetchCount: 64 } },
    async ({ body }, reply) => await reply(body),
  );
  const rpc = caller.createRPCClient({ confirm: false });
  await caller.queueDeclare({ queue, autoDelete: true });
  return {
    ask: async () => void (await rpc.send(queue, params)),
    async close() {
      await rpc.close();
      await consumer.close();
      await caller.close();
      await server.close();
    },
  };
}
