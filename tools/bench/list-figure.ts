// The time of a GET that lists many things, beside a bare server's time for the same answer. Called
// by the benchmarks of the control plane and of the network.
import type { Json } from '#contracts/common/json.ts';
import type { BenchCloud } from './cloud.ts';
import { createLoad } from './load.ts';
import type { Figure } from './report.ts';
import { median } from './report.ts';
import type { BareServer } from './yardsticks.ts';

export interface MeasuredList {
  what: string;
  path: string;
  headers: Record<string, string>;
  /** The field of the answer that holds the list, and how many items must be in it. */
  field: string;
  expected: number;
  /** Calls before those that count, those that count, and calls of the bare server. */
  calls: { warmUp: number; measured: number; bare: number };
  concurrency: number;
  atMost: number;
  stock: string;
}

export async function listFigure(
  cloud: BenchCloud,
  bare: BareServer,
  list: MeasuredList,
): Promise<Figure> {
  const load = createLoad(cloud.port, list.concurrency);
  const call = () => ({ method: 'GET', path: list.path, headers: list.headers });
  await load.run(list.calls.warmUp, call, 200);
  const { latenciesMs, answers } = await load.run(list.calls.measured, call, 200);
  load.close();
  const answer = JSON.parse(answers[0]?.body.toString() ?? '{}') as Record<string, Json[]>;
  const found = answer[list.field]?.length ?? 0;
  if (found !== list.expected)
    throw new Error(`${found} ${list.field} were listed, ${list.expected} were expected`);
  const { p50Ms } = await bare.requests(answer, {
    count: list.calls.bare,
    concurrency: list.concurrency,
  });
  return {
    what: list.what,
    value: median(latenciesMs),
    unit: 'ms',
    yardstick: { what: 'bare node:http, same answer', value: p50Ms },
    bar: { atMost: list.atMost },
    stock: list.stock,
  };
}
